import {
  type Capability,
  capability,
  type DeviceNode,
  type Epc,
  type NodeFacts,
} from '@alcove/host'

/** What the node has to give now. */
export type NodeOffer = Offer | NoOffer

export interface Offer {
  readonly epc: Epc
  readonly enclaveDevice: DeviceNode
  readonly provisionDevice: DeviceNode
}

/** Nothing, and why. */
export interface NoOffer {
  /** The condition that is not met: `enclave-device`. */
  readonly condition: string
  /** What was found, and what to do. */
  readonly reason: string
}

/**
 * One rule for start and every moment after: a node gives all or nothing, and it gives while no condition of
 * `alcove doctor` is known to be unmet. So a node without its provision device gives no EPC either: no quote could be made
 * there, and a pod is better off elsewhere. What cannot be told does not stop a node, but for EPC and the devices themselves.
 */
export function nodeOffer(facts: NodeFacts, epcMode: 'bytes' | 'devices'): NodeOffer {
  const conditions = capability(facts).conditions.filter(
    ({ name }) => epcMode === 'devices' || name !== 'list-size', // EPC in bytes is in no list
  )
  const refused = conditions.find(({ met }) => met === false)
  const missing = refused ?? conditions.find(({ name, met }) => met !== true && needed.has(name))
  if (missing !== undefined) return refusal(missing)
  const { epc, enclaveDevice, provisionDevice } = facts
  if (!epc.value || !enclaveDevice.value || !provisionDevice.value) {
    return { condition: 'enclave-device', reason: 'no device, or no EPC' }
  }
  return {
    epc: epc.value,
    enclaveDevice: enclaveDevice.value,
    provisionDevice: provisionDevice.value,
  }
}

export function isOffer(offer: NodeOffer): offer is Offer {
  return 'epc' in offer
}

const needed: ReadonlySet<string> = new Set(['enclave-device', 'provision-device', 'epc'])

function refusal(condition: Capability['conditions'][number]): NoOffer {
  const remedy = condition.met === true ? '' : `; ${condition.remedy}`
  const { name, found } = condition
  return { condition: name, reason: `${name}: ${found}${remedy}` }
}
