// Preloaded into every program of the embedded node: a container would end with its pod, a process does not by itself.
import { Worker } from 'node:worker_threads'

const ENDED_WITH_POD = 137
if (process.connected) process.once('disconnect', () => process.exit(ENDED_WITH_POD))
else process.exit(ENDED_WITH_POD)
process.channel?.unref()

/** A program that never comes back to its event loop does not hear of the disconnection; a thread of its own does. */
const watch = `
  const kubelet = process.ppid
  setInterval(() => { if (process.ppid !== kubelet) process.kill(process.pid, 'SIGKILL') }, 250)
`
new Worker(watch, { eval: true, stdout: false, stderr: false }).unref()
