/** Something that is done many times, to know how often it can be done in a second. */
export interface Subject {
  readonly name: string
  /** Does it so many times; the nanoseconds that it took. */
  readonly run: (times: number) => number | Promise<number>
}

export interface RoundsPlan {
  readonly rounds: number
  /** How long each subject runs in each round. */
  readonly batchMs: number
  /** How long each runs before the first round: JavaScript is compiled meanwhile. */
  readonly warmUpMs: number
}

/** Times a second, one for each round, by subject. */
export type Rates = ReadonlyMap<Subject, readonly number[]>

/** Times a function that is called again and again. */
export function timed(once: () => unknown): Subject['run'] {
  return times => {
    const start = process.hrtime.bigint()
    for (let time = 0; time < times; time++) once()
    return Number(process.hrtime.bigint() - start)
  }
}

/**
 * Measures subjects in turn, round after round, so that what the machine does meanwhile falls on all of them; two subjects are best
 * compared within a round.
 */
export async function measureRounds(
  subjects: readonly Subject[],
  { rounds, batchMs, warmUpMs }: RoundsPlan,
  progress: (line: string) => void,
): Promise<Rates> {
  progress(`${subjects.length} subjects warm up`)
  const measured: { subject: Subject; times: number; rates: number[] }[] = []
  for (const subject of subjects) {
    measured.push({ subject, times: await warmUp(subject, warmUpMs, batchMs), rates: [] })
  }
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    for (const { subject, times, rates } of measured) {
      rates.push((times * 1e9) / (await subject.run(times)))
    }
  }
  return new Map(measured.map(({ subject, rates }) => [subject, rates]))
}

/** How many times fill a batch, as fast as it is in the end. */
async function warmUp({ run }: Subject, warmUpMs: number, batchMs: number): Promise<number> {
  const end = performance.now() + warmUpMs
  for (let times = 1; ; ) {
    const tookMs = (await run(times)) / 1e6
    const needed = Math.ceil((times * batchMs) / tookMs)
    if (tookMs >= batchMs / 2 && performance.now() >= end) return needed
    times = Math.min(needed, times * 10)
  }
}
