/**
 * `count` of the free devices: first those that the plugin prefers, then any. Which ones is chance, as it is with the kubelet,
 * which iterates over a set; a preference that is not free counts for nothing.
 */
export function chooseDevices(
  free: readonly string[],
  count: number,
  preferred: readonly string[],
  pick: (below: number) => number,
): string[] {
  const available = new Set(free)
  const first = new Set(preferred.filter(id => available.has(id)))
  const chosen = draw([...first], count, pick)
  const rest = free.filter(id => !first.has(id))
  return [...chosen, ...draw(rest, count - chosen.length, pick)]
}

/** Up to `count` of `from`, in the order in which they are drawn. */
function draw(from: string[], count: number, pick: (below: number) => number): string[] {
  const drawn: string[] = []
  while (drawn.length < count && from.length > 0) {
    const at = pick(from.length)
    const id = from[at]
    const last = from.pop()
    if (id === undefined || last === undefined) break
    if (at < from.length) from[at] = last
    drawn.push(id)
  }
  return drawn
}
