import { parentPort, workerData } from 'node:worker_threads'
import { Fuzzer } from './fuzzer.ts'
import { Random } from './random.ts'
import { count, emptyTally, type Problem, type Tally } from './tally.ts'

/** What a worker is to do: the runs `first`, `first + step`, … below `end`. */
export interface Work {
  readonly seed: number
  readonly first: number
  readonly end: number
  readonly step: number
  /** Where the run that is under way is written, for whoever watches. */
  readonly current: Int32Array
}

export interface Done {
  readonly tally: Tally
  readonly problems: readonly Problem[]
}

const MOST_PROBLEMS = 10
/** An input costs a millisecond, the largest that are read some hundreds: this much is work that grows faster than they do. */
const MOST_CPU_MS = 1000

/** One run, the same for the same seed and number. */
export function randomOf(seed: number, run: number): Random {
  return new Random(Math.imul(seed, 0x9e37_79b1) + run)
}

function work({ seed, first, end, step, current }: Work): Done {
  const fuzzer = new Fuzzer()
  const tally = emptyTally()
  const problems: Problem[] = []
  for (let run = first; run < end && problems.length < MOST_PROBLEMS; run += step) {
    Atomics.store(current, 0, run)
    const before = process.threadCpuUsage()
    const outcome = fuzzer.run(randomOf(seed, run))
    const { user, system } = process.threadCpuUsage(before)
    const cpuMs = (user + system) / 1000
    count(tally, outcome, cpuMs)
    const slow = cpuMs > MOST_CPU_MS ? `took ${Math.ceil(cpuMs)} ms of CPU time` : undefined
    const problem = outcome.problem ?? slow
    if (problem !== undefined) problems.push({ ...outcome, problem, run })
  }
  return { tally, problems }
}

parentPort?.postMessage(work(workerData as Work))
