/** What the kubelet may choose from for one container. */
export interface Choice {
  /** Those that are free, `mustInclude` among them. */
  readonly available: readonly string[]
  /** Those that the container gets in any case. */
  readonly mustInclude: readonly string[]
  /** How many it gets in all. */
  readonly size: number
}

/**
 * The devices that the container had best get: on the NUMA node that it is on already, else on the fullest one that still has
 * enough, so that the largest piece stays whole for who needs it; where none has enough, on as few nodes as possible. Takes time in
 * proportion to the number of devices.
 */
export function preferredDevices(
  { available, mustInclude, size }: Choice,
  nodeOf: (id: string) => number | undefined,
): string[] {
  const chosen = new Set(mustInclude)
  const free = new Map<number | undefined, string[]>()
  for (const id of new Set(available).difference(chosen)) {
    const node = nodeOf(id)
    const beside = free.get(node)
    if (beside === undefined) free.set(node, [id])
    else beside.push(id)
  }
  const home = new Map<number | undefined, number>()
  for (const id of chosen) home.set(nodeOf(id), (home.get(nodeOf(id)) ?? 0) + 1)
  const needed = Math.max(0, size - chosen.size)
  for (const { ids } of inOrder(free, home, needed)) {
    for (const id of ids.slice(0, Math.max(0, size - chosen.size))) chosen.add(id)
  }
  return [...chosen].slice(0, Math.max(0, size))
}

interface Piece {
  readonly ids: readonly string[]
  /** How many devices of the container are on its node. */
  readonly held: number
}

function inOrder(
  free: ReadonlyMap<number | undefined, readonly string[]>,
  home: ReadonlyMap<number | undefined, number>,
  needed: number,
): Piece[] {
  const pieces = [...free].map(([node, ids]) => ({ ids, held: home.get(node) ?? 0 }))
  const suffices = ({ ids }: Piece): boolean => ids.length >= needed
  return pieces.toSorted((a, b) => {
    if (a.held !== b.held) return b.held - a.held
    if (suffices(a) !== suffices(b)) return suffices(a) ? -1 : 1
    return suffices(a) ? a.ids.length - b.ids.length : b.ids.length - a.ids.length
  })
}
