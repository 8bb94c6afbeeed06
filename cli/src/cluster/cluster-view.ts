import {
  type ClusterNode,
  type ClusterPod,
  conditionOf,
  isOurs,
  isSimulating,
} from './cluster-objects.ts'
import { type Finding, findings } from './findings.ts'
import { amountsOf, type EpcMode, epcModes, podAmounts, type SgxAmounts } from './sgx-amounts.ts'
import { type WaitingPod, waitingPod } from './waiting.ts'

/** SGX in a cluster: what there is, who holds it, who waits for it, and what is wrong. EPC is in bytes everywhere. */
export interface ClusterView {
  /** Names of the nodes whose device plugin offers no real hardware. */
  readonly simulated: readonly string[]
  readonly nodes: readonly NodeView[]
  readonly holders: readonly SgxPod[]
  readonly waiting: readonly WaitingPod[]
  readonly wrong: readonly Finding[]
}

export interface NodeView {
  readonly name: string
  readonly ready: boolean
  /** One entry, none, or two where both resources are there, which is wrong. */
  readonly epc: readonly EpcView[]
  readonly enclave: Offer
  readonly provision: Offer
  /** Pods that hold something of it. */
  readonly holders: number
}

export interface EpcView {
  readonly mode: EpcMode
  readonly capacityBytes: bigint
  readonly allocatableBytes: bigint
  /** By pods, as the scheduler counts them. */
  readonly allocatedBytes: bigint
  readonly freeBytes: bigint
}

/** A resource in a node's status; `undefined` where it is not there. */
export interface Offer {
  readonly capacity: bigint | undefined
  readonly allocatable: bigint | undefined
}

/** A pod with what it holds, or asks for. */
export interface SgxPod {
  readonly namespace: string
  readonly name: string
  /** `undefined` while it waits for one. */
  readonly node: string | undefined
  readonly amounts: SgxAmounts
}

/**
 * Puts together what a cluster's nodes and pods say.
 *
 * @throws {KubeApiError} `ERR_KUBE_QUANTITY`
 */
export function clusterView(
  nodes: readonly ClusterNode[],
  pods: readonly ClusterPod[],
): ClusterView {
  const asking = pods
    .filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
    .map(pod => ({ pod, told: sgxPod(pod) }))
    .filter(({ told }) => namesAny(told.amounts))
  const holders = asking.map(({ told }) => told).filter(({ node }) => node !== undefined)
  const shown = nodes.map(node => nodeView(node, holders)).toSorted(byName)
  const waiting = asking
    .filter(({ told }) => told.node === undefined)
    .map(({ pod, told }) => waitingPod(pod, told, shown))
  return {
    simulated: [...simulatedNodes(pods)].toSorted(),
    nodes: shown,
    holders,
    waiting,
    wrong: findings({ nodes, shown, holders, waiting, ours: pods.filter(isOurs) }),
  }
}

export function nodeView(node: ClusterNode, holders: readonly SgxPod[]): NodeView {
  const { name } = node.metadata
  const here = holders.filter(pod => pod.node === name)
  const capacity = amountsOf(node.status?.capacity)
  const allocatable = amountsOf(node.status?.allocatable)
  return {
    name,
    ready: conditionOf(node.status?.conditions, 'Ready')?.status === 'True',
    epc: epcModes.flatMap(mode => epcView(mode, capacity, allocatable, here)),
    enclave: { capacity: capacity.enclave, allocatable: allocatable.enclave },
    provision: { capacity: capacity.provision, allocatable: allocatable.provision },
    holders: here.length,
  }
}

function epcView(
  mode: EpcMode,
  capacity: SgxAmounts,
  allocatable: SgxAmounts,
  here: readonly SgxPod[],
): EpcView[] {
  const capacityBytes = capacity.epc[mode]
  const allocatableBytes = allocatable.epc[mode] ?? 0n
  const allocatedBytes = here.reduce((sum, { amounts }) => sum + (amounts.epc[mode] ?? 0n), 0n)
  // a kubelet keeps the resource of a plugin that went away at 0: of that nothing is to be said while nobody holds it
  const gone = capacityBytes === 0n && mode === 'devices' && allocatableBytes === 0n
  if (allocatedBytes === 0n && (capacityBytes === undefined || gone)) return []
  const left = allocatableBytes - allocatedBytes
  return [
    {
      mode,
      capacityBytes: capacityBytes ?? 0n,
      allocatableBytes,
      allocatedBytes,
      freeBytes: left > 0n ? left : 0n,
    },
  ]
}

export function simulatedNodes(pods: readonly ClusterPod[]): Set<string> {
  return new Set(pods.filter(isSimulating).flatMap(({ spec }) => spec.nodeName ?? []))
}

function sgxPod(pod: ClusterPod): SgxPod {
  const { namespace, name } = pod.metadata
  return { namespace, name, node: pod.spec.nodeName || undefined, amounts: podAmounts(pod) }
}

function namesAny({ epc, enclave, provision }: SgxAmounts): boolean {
  return [epc.bytes, epc.devices, enclave, provision].some(amount => (amount ?? 0n) > 0n)
}

function byName(one: NodeView, other: NodeView): number {
  return one.name < other.name ? -1 : 1
}
