import { readFile } from 'node:fs/promises'

/** What a process has cost so far. */
export interface ProcessFigures {
  readonly residentMiB: number
  /** The most that it ever had. */
  readonly peakMiB: number
  readonly cpuSeconds: number
}

/** @param pid as seen from this machine, outside any namespace */
export async function processFigures(pid: number): Promise<ProcessFigures> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const mib = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024)
  // proc(5): utime and stime are the 14th and 15th field; the second, the name, is in parentheses
  const [utime = 0, stime = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return {
    residentMiB: mib('VmRSS'),
    peakMiB: mib('VmHWM'),
    cpuSeconds: (utime + stime) / TICKS,
  }
}

/** A second in /proc/PID/stat, on every Linux. */
const TICKS = 100

export function figuresText({ residentMiB, peakMiB, cpuSeconds }: ProcessFigures): string {
  return `${residentMiB} MiB resident (peak ${peakMiB}), ${cpuSeconds.toFixed(1)} s of CPU`
}
