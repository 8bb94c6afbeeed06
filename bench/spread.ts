/** What several runs of one measurement gave. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
  readonly runs: number
}

/** @throws {RangeError} without a value */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  if (sorted.length === 0) throw new RangeError('no values')
  const middle = (sorted.length - 1) / 2
  return {
    min: at(0),
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    max: at(sorted.length - 1),
    runs: sorted.length,
  }
}

/** `12.3 (11.9–14.0)`: the median, and from least to most. */
export function spreadText({ median, min, max }: Spread, digits = 1): string {
  const [middle, least, most] = [median, min, max].map(value => value.toFixed(digits))
  return `${middle} (${least}–${most})`
}
