// `npm run fuzz -- --runs N`: real evidence with a change in it is refused with a code, or nothing that is signed has changed.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { add, emptyTally, type Problem, tallyLines } from './tally.ts'
import type { Done, Work } from './worker.ts'

const usage = `npm run fuzz -- [--runs N] [--seed S] [--only RUN] [--jobs N] [--output json]

  Mutates the project's real quotes, certificates, CRLs, TCB infos, QE identities
  and collateral bundles, and verifies each; some are grown to the largest that
  are read. A crash, an input that takes more than a second of CPU time, or one
  that is accepted though a signed byte differs is a defect.

  --runs N     how many inputs; 100000 unless told
  --seed S     where chance starts; 1 unless told: the same seed gives the same inputs
  --only RUN   this input alone, as a defect names it
  --jobs N     threads; one per core unless told
`

/** After a second of CPU time an input is a defect; this long, and it never ends. */
const HANG_MS = 10_000
const WATCH_MS = 500
const PROGRESS_MS = 10_000

interface Options {
  readonly runs: number
  readonly seed: number
  readonly only: number | undefined
  readonly jobs: number
  readonly json: boolean
}

async function main(): Promise<number> {
  const options = readOptions()
  if (options === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (options === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const started = performance.now()
  const { seed, only } = options
  const results = only === undefined ? await all(options) : [await one(seed, only)]
  const tally = emptyTally()
  for (const done of results) add(tally, done.tally)
  const problems = results.flatMap(done => done.problems)
  const seconds = (performance.now() - started) / 1000
  if (options.json) {
    const figures = { seed, seconds, tally, problems }
    process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
  } else {
    const runs = Object.values(tally).reduce((sum, { runs: of }) => sum + of, 0)
    const time = `${runs} inputs in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)} in a second`
    const found = `seed ${seed}; ${problems.length} defects`
    process.stdout.write(`${[...tallyLines(tally), '', `${time}; ${found}`].join('\n')}\n`)
    for (const problem of problems) process.stdout.write(`${problemText(problem, seed)}\n`)
  }
  return problems.length === 0 ? 0 : 1
}

function problemText({ run, kind, sample, problem }: Problem, seed: number): string {
  const again = `npm run fuzz -- --seed ${seed} --only ${run}`
  return `\nrun ${run}, ${kind} of ${sample}: ${problem?.slice(0, 2000)}\n  again: ${again}`
}

function readOptions(): Options | 'help' | undefined {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      jobs: { type: 'string', default: `${availableParallelism()}` },
      output: { type: 'string', default: 'text' },
      help: { type: 'boolean', default: false },
    },
  })
  const runs = Number(values.runs)
  const seed = Number(values.seed)
  const jobs = Number(values.jobs)
  const only = values.only === undefined ? undefined : Number(values.only)
  const numbers = [runs, seed, jobs, only ?? 0]
  const isUnderstood =
    numbers.every(number => Number.isInteger(number) && number >= 0 && number < 2 ** 31) &&
    jobs > 0 &&
    ['text', 'json'].includes(values.output)
  if (values.help) return 'help'
  if (!isUnderstood) return undefined
  return { runs, seed, only, jobs, json: values.output === 'json' }
}

function one(seed: number, run: number): Promise<Done> {
  return watched({ seed, first: run, end: run + 1, step: 1 }, () => undefined)
}

function all({ runs, seed, jobs }: Options): Promise<Done[]> {
  const told = new Map<number, number>()
  let last = performance.now()
  const progress = (first: number, run: number): void => {
    told.set(first, Math.floor(run / jobs))
    if (performance.now() - last < PROGRESS_MS) return
    last = performance.now()
    const sum = [...told.values()].reduce((a, b) => a + b, 0)
    process.stderr.write(`${sum} of ${runs} inputs\n`)
  }
  const firsts = Array.from({ length: Math.min(jobs, Math.max(1, runs)) }, (_, index) => index)
  return Promise.all(
    firsts.map(first =>
      watched({ seed, first, end: runs, step: jobs }, run => progress(first, run)),
    ),
  )
}

/** The work in a thread of its own, which is ended when it gets no further. */
async function watched(
  work: Omit<Work, 'current'>,
  onProgress: (run: number) => void,
): Promise<Done> {
  const current = new Int32Array(new SharedArrayBuffer(4)).fill(-1)
  const workerData: Work = { ...work, current }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  const { promise, resolve, reject } = Promise.withResolvers<Done>()
  let seen = -1
  // Looks are counted, not the time between them: a machine that sleeps is no hang.
  let looks = 0
  const watch = setInterval(() => {
    const run = Atomics.load(current, 0)
    onProgress(Math.max(0, run))
    looks = run === seen ? looks + 1 : 0
    seen = run
    if (looks * WATCH_MS > HANG_MS) {
      const again = `npm run fuzz -- --seed ${work.seed} --only ${run}`
      reject(new Error(`run ${run} has taken more than ${HANG_MS / 1000} s: a hang. ${again}`))
    }
  }, WATCH_MS)
  worker.once('message', resolve)
  worker.once('error', reject)
  try {
    return await promise
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

process.exitCode = await main()
