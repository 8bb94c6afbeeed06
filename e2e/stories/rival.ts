import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeHandle } from './world.ts'

export const RIVAL_SOCKET = 'theirs.sock'
const DIRECTORY = '/var/lib/kubelet/device-plugins'
const PROGRAM = join(import.meta.dirname, 'rival-plugin.ts')
const PID = '/run/rival.pid'

/** Another plugin for EPC on the node, registered once; a process of the node's, until disposed of. */
export async function startRival(node: NodeHandle, count: number): Promise<AsyncDisposable> {
  const line = `${process.execPath} ${PROGRAM} ${DIRECTORY} ${RIVAL_SOCKET} ${count}`
  await node.run(
    'sh',
    '-c',
    `rm -f ${DIRECTORY}/${RIVAL_SOCKET}; setsid ${line} >/run/rival.log 2>&1 </dev/null & echo $! >${PID}`,
  )
  for (;;) {
    const log = await node.run('cat', '/run/rival.log')
    if (log.includes('registered')) break
    if (log.includes('Error')) throw new Error(log)
    await sleep(50)
  }
  return {
    [Symbol.asyncDispose]: async () => {
      const wait = `while [ -d /proc/$pid ]; do sleep 0.05; done`
      await node.run('sh', '-c', `pid=$(cat ${PID}); kill $pid; ${wait}`)
    },
  }
}
