import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** Where and when figures were measured; they mean nothing without it. */
export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** Mean number of processes that ran or wanted to, over the minute before and over the minute at the end. */
  readonly load: { readonly before: number; readonly after: number }
}

/** Call at the start; call what it gives at the end. */
export function observeMachine(): () => Machine {
  const [before = 0] = loadavg()
  return () => {
    const [after = 0] = loadavg()
    return {
      date: new Date().toISOString(),
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      kernel: release(),
      node: process.version,
      load: { before, after },
    }
  }
}

/** At most two lines of 80 columns. */
export function machineText({
  date,
  cpu,
  cores,
  memoryBytes,
  kernel,
  node,
  load,
}: Machine): string {
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`
  return [
    `${date.slice(0, 16)}Z  ${cpu}, ${cores} cores, ${memory}, Linux ${kernel}`,
    `Node ${node}  load before ${load.before.toFixed(2)}, after ${load.after.toFixed(2)}`,
  ].join('\n')
}
