import { readdir, readFile } from 'node:fs/promises'

/** Resident memory of a process, in bytes. */
export interface Memory {
  readonly rss: number
  /** Memory that the process alone pays for. */
  readonly anonymous: number
  /** Pages of files, of the `node` binary above all: shared by every process on the machine that runs the same one. */
  readonly fileBacked: number
  /** The process's share: what it shares is divided among those that share it (`smaps_rollup`). */
  readonly proportional: number
}

/** Reads `/proc/PID/status` and `smaps_rollup` of a process of this user. */
export async function readMemory(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return {
    rss: bytesOf(status, 'VmRSS'),
    anonymous: bytesOf(status, 'RssAnon'),
    fileBacked: bytesOf(status, 'RssFile') + bytesOf(status, 'RssShmem'),
    proportional: bytesOf(rollup, 'Pss'),
  }
}

function bytesOf(table: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(table)?.[1]
  if (kibibytes === undefined) throw new Error(`no ${field} in /proc`)
  return Number(kibibytes) * 1024
}

/**
 * Time that the threads of a process have run, in ms. `schedstat` counts nanoseconds; `/proc/PID/stat`, which counts
 * ticks of 10 ms, cannot tell 0.1 % of a core from nothing in half a minute.
 */
export async function readCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const times = await Promise.all(
    threads.map(async thread => {
      const [ran] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')).split(' ')
      return Number(ran) / 1e6
    }),
  )
  return times.reduce((sum, ms) => sum + ms, 0)
}
