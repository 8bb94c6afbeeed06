import { allocatable, type Node, waitForNode } from '../kube/nodes.ts'
import { EPC_BYTES } from './names.ts'
import type { World } from './world.ts'

const MIB = 2 ** 20
/** Held back for the quoting enclaves: the chart's `reservedEpcMiB`. */
export const RESERVED_MIB = 4

/** EPC in bytes that the cluster's nodes offer. */
export const OFFERED: Readonly<Record<string, number>> = {
  'sgx-a': (56 - RESERVED_MIB) * MIB,
  'sgx-b': (168 - RESERVED_MIB) * MIB,
}

/** Waits until EPC in bytes is allocatable as it is to be, 0 for not at all; answers how long it took, ms. */
export async function waitForEpc({ api }: World, node: string, bytes: number): Promise<number> {
  const began = Date.now()
  await waitForNode(api, node, one => epcOf(one) === bytes, { what: `EPC of ${bytes} on ${node}` })
  return Date.now() - began
}

/** Of capacity and allocatable the lower; 0 where the node has no such key. */
export function epcOf(node: Node): number {
  return Math.min(Number(node.status.capacity[EPC_BYTES] ?? 0), allocatable(node, EPC_BYTES))
}
