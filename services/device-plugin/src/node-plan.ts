// What is to be written to the node's object, now. Pure: it follows from what is there, so that a plugin which is killed between any two
// steps goes on where the next look finds it.
import { type NodeObject, quantityIn } from './node-object.ts'
import { EPC_BYTES_RESOURCE } from './resource-names.ts'

/** What the plugin would have the node offer. */
export type Wanted =
  /** EPC in bytes, as much as the hardware has to give. */
  | { readonly kind: 'epc'; readonly bytes: bigint }
  /** None: the hardware has none any more, or EPC is offered in the other mode. */
  | { readonly kind: 'none' }
  /** The node cannot be read: what is there stays. */
  | { readonly kind: 'unknown' }

export interface PlanInput {
  readonly node: NodeObject
  readonly wanted: Wanted
  /** Bytes that pods which the kubelet has admitted hold by `sgx.intel.com/epc`; `undefined` while the API server has not told. */
  readonly held: bigint | undefined
  /** Resources of the mode that this node is not in, which a kubelet leaves behind. */
  readonly formerResources: readonly string[]
  readonly startupTaint: string
  /** Whether pods that ask for EPC can run: the resources are registered, and allocatable is theirs. */
  readonly serving: boolean
}

export interface Plan {
  /** Keys of capacity and allocatable, as they are to be; `null`: gone. Empty: nothing to write. */
  readonly quantities: Readonly<Record<string, string | null>>
  /** The taints as they are to be; `undefined`: as they are. */
  readonly taints: NodeObject['spec']['taints'] | undefined
}

/**
 * EPC is never lowered below what pods hold, and never to 0: a kubelet that restarts while capacity reads less than its pods
 * ask for kills them (`OutOfsgx.intel.com/epc`), while one that finds no such key leaves them alone. So where nothing is to
 * be offered, the key stays as long as a pod holds EPC, and goes then.
 */
export function planNode(input: PlanInput): Plan {
  const { node, formerResources, startupTaint, serving } = input
  const { capacity, allocatable } = node.status
  const quantities: Record<string, string | null> = {}
  const target = epcTarget(input)
  if (target !== 'keep') {
    const right = [capacity, allocatable].every(quantities => isEpc(quantities, target))
    if (!right) quantities[EPC_BYTES_RESOURCE] = target
  }
  for (const name of formerResources) {
    // A kubelet keeps a plugin's resource for five minutes after the plugin is gone, and then writes 0, once.
    if (capacity[name] === '0') quantities[name] = null
  }
  const tainted = node.spec.taints.some(({ key }) => key === startupTaint)
  const taints =
    tainted && serving ? node.spec.taints.filter(({ key }) => key !== startupTaint) : undefined
  return { quantities, taints }
}

function epcTarget({ node, wanted, held }: PlanInput): string | null | 'keep' {
  if (wanted.kind === 'unknown') return 'keep'
  if (wanted.kind === 'none') return withoutEpc(node, held)
  // never below what pods hold that the kubelet has admitted
  const floor = held ?? quantityIn(node.status.capacity, EPC_BYTES_RESOURCE) ?? 0n
  return floor > wanted.bytes ? String(floor) : String(wanted.bytes)
}

function withoutEpc({ status }: NodeObject, held: bigint | undefined): string | null | 'keep' {
  const { capacity, allocatable } = status
  if (capacity[EPC_BYTES_RESOURCE] === undefined) {
    return allocatable[EPC_BYTES_RESOURCE] === undefined ? 'keep' : null
  }
  if (held === undefined) return 'keep'
  if (held === 0n) return null
  return (quantityIn(capacity, EPC_BYTES_RESOURCE) ?? 0n) < held ? String(held) : 'keep'
}

/** Whether EPC is this figure there; `null`: not there at all. */
export function isEpc(
  quantities: Readonly<Record<string, string>>,
  target: string | null,
): boolean {
  if (target === null) return quantities[EPC_BYTES_RESOURCE] === undefined
  return quantityIn(quantities, EPC_BYTES_RESOURCE) === BigInt(target)
}
