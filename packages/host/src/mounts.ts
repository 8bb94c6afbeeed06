import { type Fact, fileFact, firstKnown, text } from './fact.ts'
import type { Host } from './host.ts'

/**
 * Whether programs of the node may be run from /dev, which loading an enclave amounts to: the mount that /dev is on has
 * no `noexec`. Asked of process 1, whose mounts are the node's, and of this process where that is not permitted.
 */
export function readDevExec(host: Host): Promise<Fact<boolean>> {
  const at = (process: string) => () => fileFact(host, `/proc/${process}/mountinfo`, devExec)
  return firstKnown(at('1'), at('self'))
}

/** proc(5), /proc/pid/mountinfo: field 5 is where it is mounted, field 6 its options. A later mount covers an earlier. */
function devExec(bytes: Uint8Array): boolean | undefined {
  const mounts = text(bytes)
    .split('\n')
    .map(line => line.split(' '))
  const of = (point: string) => mounts.findLast(fields => fields[4] === point)
  const options = (of('/dev') ?? of('/'))?.[5]
  return options === undefined ? undefined : !options.split(',').includes('noexec')
}
