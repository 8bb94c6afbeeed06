/** `median 12, maximum 40`: of durations in milliseconds. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return 'none'
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  return `median ${Math.round(median)}, maximum ${Math.round(sorted.at(-1) ?? 0)}`
}
