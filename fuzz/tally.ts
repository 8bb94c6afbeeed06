import { type Kind, kinds, type Outcome } from './fuzzer.ts'

/** How many inputs of a kind came to what. */
export interface KindTally {
  runs: number
  accepted: number
  /** By code. */
  readonly refused: Record<string, number>
  mostCpuMs: number
}

export type Tally = Record<Kind, KindTally>

export interface Problem extends Outcome {
  readonly run: number
}

export function emptyTally(): Tally {
  const empty = (): KindTally => ({ runs: 0, accepted: 0, refused: {}, mostCpuMs: 0 })
  return Object.fromEntries(kinds.map(kind => [kind, empty()])) as Tally
}

export function count(tally: Tally, { kind, result }: Outcome, cpuMs: number): void {
  const of = tally[kind]
  of.runs += 1
  of.mostCpuMs = Math.max(of.mostCpuMs, cpuMs)
  if (result === 'accepted') of.accepted += 1
  else of.refused[result] = (of.refused[result] ?? 0) + 1
}

export function add(sum: Tally, other: Tally): void {
  for (const kind of kinds) {
    const [to, from] = [sum[kind], other[kind]]
    to.runs += from.runs
    to.accepted += from.accepted
    to.mostCpuMs = Math.max(to.mostCpuMs, from.mostCpuMs)
    for (const [code, number] of Object.entries(from.refused)) {
      to.refused[code] = (to.refused[code] ?? 0) + number
    }
  }
}

/** A table for people, at most 80 columns. */
export function tallyLines(tally: Tally): string[] {
  const row = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, index) => (index === 0 ? `${cell}`.padEnd(14) : `${cell}`.padStart(11)))
      .join('')
  return [
    row(['', 'inputs', 'refused', 'accepted', 'codes', 'CPU ms']),
    ...kinds.map(kind => {
      const { runs, accepted, refused, mostCpuMs } = tally[kind]
      const codes = Object.keys(refused).length
      return row([kind, runs, runs - accepted, accepted, codes, Math.ceil(mostCpuMs)])
    }),
  ]
}
