import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeHandle } from './world.ts'

/** Each pod that a node's kubelet did not admit since `sinceMs`: how long after that, in milliseconds. */
export async function denialsAfter(node: NodeHandle, sinceMs: number): Promise<readonly number[]> {
  const log = await readFile(join(node.directory, 'kubelet.log'), 'utf8')
  return log
    .split('\n')
    .filter(line => line.includes('"Pod admission denied"'))
    .map(line => timeOf(line, new Date(sinceMs)) - sinceMs)
    .filter(ms => ms >= 0)
}

/** klog writes `I1125 19:10:15.325619`, without a year, in the time zone of the kubelet, which is ours. */
function timeOf(line: string, near: Date): number {
  const [, month, day, time] = /^[IWEF](\d\d)(\d\d) (\d\d:\d\d:\d\d\.\d{3})/.exec(line) ?? []
  return Date.parse(`${near.getFullYear()}-${month}-${day}T${time}`)
}
