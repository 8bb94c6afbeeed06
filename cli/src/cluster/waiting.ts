import { type ClusterPod, conditionOf } from './cluster-objects.ts'
import type { NodeView, SgxPod } from './cluster-view.ts'
import { type EpcMode, epcModes, epcResource, epcText } from './sgx-amounts.ts'

/** A pod that no node has yet, with the scheduler's word and what it means. */
export interface WaitingPod extends SgxPod {
  /** `undefined` before the scheduler looked at it. */
  readonly scheduler: string | undefined
  /** One sentence each. */
  readonly explanations: readonly string[]
  /** Whether it would wait even if nobody held anything. */
  readonly fitsNoNode: boolean
}

interface Explanation {
  readonly text: string
  readonly fitsNoNode: boolean
}

/** Most nodes that an explanation lists. */
const MOST_NODES = 5

export function waitingPod(pod: ClusterPod, told: SgxPod, nodes: readonly NodeView[]): WaitingPod {
  const condition = conditionOf(pod.status?.conditions, 'PodScheduled')
  const scheduler =
    condition?.status === 'False' ? condition.message || condition.reason : undefined
  const explained = epcModes.flatMap(mode => {
    const asked = told.amounts.epc[mode] ?? 0n
    return asked === 0n ? [] : [{ unit: unitDoubt(mode, asked), ...explainEpc(mode, asked, nodes) }]
  })
  return {
    ...told,
    scheduler: scheduler ?? undefined,
    explanations: explained.flatMap(({ unit, text }) => [...unit, text]),
    fitsNoNode: explained.some(({ fitsNoNode }) => fitsNoNode),
  }
}

function explainEpc(mode: EpcMode, asked: bigint, nodes: readonly NodeView[]): Explanation {
  const offers = nodes
    .flatMap(({ name, epc }) => epc.filter(one => one.mode === mode).map(one => ({ name, ...one })))
    .toSorted((one, other) => (one.freeBytes > other.freeBytes ? -1 : 1))
  const [most] = offers
  if (most === undefined) return { text: noOffer(mode, nodes), fitsNoNode: true }
  const largest = offers.reduce((one, other) =>
    other.allocatableBytes > one.allocatableBytes ? other : one,
  )
  const amount = epcText(asked)
  if (asked > largest.allocatableBytes) {
    const has = `${largest.name} has ${epcText(largest.allocatableBytes)}`
    return { text: `it asks for ${amount}, more than any node has: ${has}`, fitsNoNode: true }
  }
  const listed = offers.slice(0, MOST_NODES).map(({ name, freeBytes }) => {
    return `${name} ${epcText(freeBytes)}`
  })
  const more = offers.length > MOST_NODES ? `, and ${offers.length - MOST_NODES} more` : ''
  const free = `it asks for ${amount}, free are ${listed.join(', ')}${more}`
  const text =
    asked <= most.freeBytes
      ? `${free}: EPC is not all that it waits for`
      : `${free}: it waits until pods that hold EPC end`
  return { text, fitsNoNode: false }
}

function noOffer(mode: EpcMode, nodes: readonly NodeView[]): string {
  const other = mode === 'bytes' ? 'devices' : 'bytes'
  const has = nodes.find(({ epc }) => epc.some(one => one.mode === other))
  const none = `no node offers ${epcResource[mode]}`
  if (has === undefined) return `${none}: is Alcove installed, and has a node SGX?`
  return `${none}: ${has.name} offers EPC as ${epcResource[other]}, so ask for that`
}

/** Fewer bytes than a page cannot be meant, nor as many MiB as no machine has. */
const PAGE = 4_096n
const MIB = 1_048_576n

/** A sentence where the amount is most likely in the wrong unit. */
export function unitDoubt(mode: EpcMode, asked: bigint): string[] {
  if (asked === 0n) return []
  if (mode === 'bytes' && asked < PAGE) {
    const name = epcResource.bytes
    return [
      `${name}: ${asked} is ${asked} bytes, less than a page: write ${asked}Mi for ${asked} MiB`,
    ]
  }
  if (mode === 'devices' && asked >= MIB * MIB) {
    const count = asked / MIB
    const meant = count % MIB === 0n ? `: write "${count / MIB}" in place of ${count / MIB}Mi` : ''
    return [`${epcResource.devices} counts MiB, so ${count} is ${epcText(asked)}${meant}`]
  }
  return []
}
