import type { Condition, Unmet } from './condition.ts'
import { cpuLaunchControl, cpuSgx, firmwareEnabled } from './cpu-conditions.ts'
import {
  devExec,
  enclaveDevice,
  epc,
  fsgsbase,
  kernelDriver,
  provisionDevice,
} from './kernel-conditions.ts'
import { listSize } from './list-size.ts'
import type { NodeFacts } from './node-facts.ts'

export interface Capability {
  /** Every condition is known to be met. */
  readonly capable: boolean
  /** In the order of cause: where one is not met, look at the first. */
  readonly conditions: readonly Condition[]
}

/** Whether the node can serve: the sum of named conditions. Pure. */
export function capability(facts: NodeFacts): Capability {
  const conditions: Condition[] = []
  for (const condition of order) conditions.push(condition(facts, conditions))
  return { capable: conditions.every(({ met }) => met === true), conditions }
}

/** Where to begin: the first condition that is known not to be met, or else the first that is unknown. */
export function firstUnmet({ conditions }: Capability): Unmet | undefined {
  const unmet = conditions.filter(condition => condition.met !== true)
  return unmet.find(condition => condition.met === false) ?? unmet[0]
}

const order = [
  cpuSgx,
  cpuLaunchControl,
  firmwareEnabled,
  kernelDriver,
  enclaveDevice,
  provisionDevice,
  epc,
  fsgsbase,
  devExec,
  listSize,
] as const
