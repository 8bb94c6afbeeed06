import { readdir, readFile, stat } from 'node:fs/promises'
import { daemonsOf } from '../cluster/machine.ts'
import type { NodeHandle } from './world.ts'

/** The process on a node whose command line is such, by its pid on this machine. */
export async function processOf(node: NodeHandle, command: RegExp): Promise<number> {
  const mounts = await namespaceOf((await daemonsOf(node.directory, 'kubelet'))[0] ?? 0, 'pid')
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (!command.test(line.replaceAll('\0', ' '))) continue
    const cgroup = await readFile(`/proc/${entry}/cgroup`, 'utf8')
    if (cgroup.includes(`/${node.name}/`) || (await namespaceOf(Number(entry), 'pid')) === mounts)
      return Number(entry)
  }
  throw new Error(`no process ${command} on ${node.name}`)
}

async function namespaceOf(pid: number, kind: string): Promise<string> {
  return String((await stat(`/proc/${pid}/ns/${kind}`)).ino)
}
