import type { LevelStatus } from '@alcove/dcap'
import type { SimulatedFault, SimulatedOs } from '@alcove/simulator'

/** One simulated node of those that `up` starts. */
export interface NodeKind {
  /** `node1`: what `run --node` and `status` call it. */
  readonly name: string
  readonly size: string
  readonly os: SimulatedOs
  readonly tcb: LevelStatus
  readonly numaNodes: 1 | 2
  /** What keeps it from serving. */
  readonly fault?: SimulatedFault
}

/** The systems that `up --os` knows. */
export const systems: readonly SimulatedOs[] = ['in-kernel', 'dcap-1.33']

/** The kinds after the first, in the order in which `--nodes` adds them: a fleet as one meets it. */
const others: readonly Pick<NodeKind, 'size' | 'os' | 'numaNodes' | 'fault'>[] = [
  { size: 'DC4s_v2', os: 'dcap-1.33', numaNodes: 1 },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-driver' },
  { size: 'DC8s_v3', os: 'in-kernel', numaNodes: 2 },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-epc' },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-fsgsbase' },
  { size: 'DC48s_v3', os: 'in-kernel', numaNodes: 2 },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-sgx' },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-launch-control' },
  { size: 'DC2s_v2', os: 'dcap-1.33', numaNodes: 1, fault: 'legacy-driver' },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'no-provision' },
  { size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, fault: 'noexec' },
]

export const mostNodes: number = others.length + 1

/** `count` nodes: the one that was asked for, then one of each other kind. */
export function nodeKinds(
  count: number,
  first: Pick<NodeKind, 'size' | 'os' | 'tcb'>,
): readonly NodeKind[] {
  const rest = others.slice(0, count - 1).map(kind => ({ ...kind, tcb: first.tcb }))
  return [{ ...first, numaNodes: 1 as const }, ...rest].map((kind, index) => ({
    ...kind,
    name: `node${index + 1}`,
  }))
}
