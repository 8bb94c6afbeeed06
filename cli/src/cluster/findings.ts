// What is wrong in a cluster, each with where, and what to do.
import { ENCLAVE_RESOURCE, PROVISION_RESOURCE } from '@alcove/device-plugin'
import { type ClusterNode, type ClusterPod, conditionOf } from './cluster-objects.ts'
import type { EpcView, NodeView, Offer, SgxPod } from './cluster-view.ts'
import { epcModes, epcResource, epcText } from './sgx-amounts.ts'
import { unitDoubt, type WaitingPod } from './waiting.ts'

export interface Finding {
  readonly code: FindingCode
  /** A node's name, or `namespace/name` of a pod. */
  readonly where: string
  readonly found: string
  /** `undefined` where `found` says it, as conditions do. */
  readonly remedy: string | undefined
}

export type FindingCode =
  | 'condition'
  | 'not-ready'
  | 'allocatable-differs'
  | 'epc-without-devices'
  | 'devices-without-epc'
  | 'over-allocated'
  | 'both-modes'
  | 'startup-taint'
  | 'epc-without-enclave'
  | 'unit'
  | 'fits-no-node'
  | 'alcove-pod-not-ready'

export const CONDITION_PREFIX = 'alcove.dev/'
export const SGX_CAPABLE = 'alcove.dev/SgxCapable'
const STARTUP_TAINT = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'

interface Cluster {
  readonly nodes: readonly ClusterNode[]
  readonly shown: readonly NodeView[]
  readonly holders: readonly SgxPod[]
  readonly waiting: readonly WaitingPod[]
  /** Alcove's own pods. */
  readonly ours: readonly ClusterPod[]
}

export function findings({ nodes, shown, holders, waiting, ours }: Cluster): Finding[] {
  const nodeOf = new Map(nodes.map(node => [node.metadata.name, node]))
  return [
    ...shown.flatMap(view => {
      const node = nodeOf.get(view.name)
      return node === undefined ? [] : nodeFindings(node, view)
    }),
    ...[...holders, ...waiting].flatMap(podFindings),
    ...waiting.flatMap(misfit),
    ...ours.flatMap(ourPodFindings),
  ]
}

/** Of one node, what its object says. */
export function nodeFindings(node: ClusterNode, view: NodeView): Finding[] {
  const where = view.name
  return [
    ...conditionFindings(node),
    ...(view.ready || view.epc.length === 0
      ? []
      : [
          finding(
            'not-ready',
            where,
            'the node is not Ready',
            `see kubectl describe node ${where}`,
          ),
        ]),
    ...view.epc.flatMap(epc => epcFindings(where, epc)),
    ...deviceFindings(view),
    ...(view.epc.filter(({ capacityBytes }) => capacityBytes > 0n).length > 1
      ? [
          finding(
            'both-modes',
            where,
            `offers EPC twice, as ${epcModes.map(mode => epcResource[mode]).join(' and as ')}: pods of both kinds may get the same EPC`,
            'is another device plugin on it, or was the mode just changed? Let one of the two offer EPC',
          ),
        ]
      : []),
    ...(node.spec?.taints?.some(({ key }) => key === STARTUP_TAINT)
      ? [
          finding(
            'startup-taint',
            where,
            `has the taint ${STARTUP_TAINT} still, which goes when EPC is allocatable`,
            'wait while the node starts; then see the log of its device plugin, or what its conditions say',
          ),
        ]
      : []),
  ]
}

/** The summary only where no condition says it better. */
function conditionFindings({ metadata, status }: ClusterNode): Finding[] {
  const failed = (status?.conditions ?? []).filter(
    ({ type, status: is }) => type.startsWith(CONDITION_PREFIX) && is === 'False',
  )
  // A machine without SGX is an ordinary one, and nothing is wrong with it.
  if (failed.some(({ type }) => type === `${CONDITION_PREFIX}cpu-sgx`)) return []
  const causes = failed.filter(({ type }) => type !== SGX_CAPABLE)
  return (causes.length > 0 ? causes : failed).map(({ type, reason, message }) => {
    const name = type.slice(CONDITION_PREFIX.length)
    const said = [reason, message].filter(Boolean).join(': ') || 'without a message'
    return finding('condition', metadata.name, `${name}: ${said}`, undefined)
  })
}

function epcFindings(where: string, epc: EpcView): Finding[] {
  const { mode, capacityBytes, allocatableBytes, allocatedBytes } = epc
  const name = epcResource[mode]
  const plugin = 'see the log of its device plugin'
  return [
    ...(capacityBytes === allocatableBytes
      ? []
      : [
          finding(
            'allocatable-differs',
            where,
            `${name}: capacity is ${epcText(capacityBytes)}, allocatable ${epcText(allocatableBytes)}`,
            mode === 'bytes'
              ? `the kubelet makes them equal within 10 s; if it stays so, does the kubelet run?`
              : `devices are unhealthy; ${plugin}`,
          ),
        ]),
    ...(allocatedBytes > allocatableBytes
      ? [
          finding(
            'over-allocated',
            where,
            `pods hold ${epcText(allocatedBytes)} of ${name}, the node offers ${epcText(allocatableBytes)}`,
            `${plugin}; a kubelet that restarts now may end pods that hold EPC`,
          ),
        ]
      : []),
  ]
}

/** Where EPC is counted in bytes, the device is a resource of its own. */
function deviceFindings({ name, epc, enclave, provision }: NodeView): Finding[] {
  const bytes = epc.find(({ mode }) => mode === 'bytes')
  const published = bytes !== undefined && bytes.capacityBytes > 0n
  const remedy = 'see the log of its device plugin, and what its conditions say'
  if (published && (enclave.allocatable ?? 0n) === 0n) {
    const found = `EPC is published, but no ${ENCLAVE_RESOURCE} device: no pod can use it`
    return [finding('epc-without-devices', name, found, remedy)]
  }
  const noEpc = epc.every(({ capacityBytes }) => capacityBytes === 0n)
  const missing = noEpc && (enclave.allocatable ?? 0n) > 0n
  return [
    ...(missing
      ? [
          finding(
            'devices-without-epc',
            name,
            `${ENCLAVE_RESOURCE} devices are there, but no EPC is published`,
            remedy,
          ),
        ]
      : []),
    ...differing(name, ENCLAVE_RESOURCE, enclave),
    ...differing(name, PROVISION_RESOURCE, provision),
  ]
}

function differing(where: string, name: string, { capacity, allocatable }: Offer): Finding[] {
  if (capacity === allocatable) return []
  const found = `${name}: capacity is ${capacity ?? 'none'}, allocatable ${allocatable ?? 'none'}`
  return [
    finding(
      'allocatable-differs',
      where,
      found,
      'devices are unhealthy; see the log of its device plugin',
    ),
  ]
}

function podFindings(pod: SgxPod): Finding[] {
  const { amounts } = pod
  const where = `${pod.namespace}/${pod.name}`
  const bytes = amounts.epc.bytes ?? 0n
  return [
    ...(bytes > 0n && (amounts.enclave ?? 0n) === 0n
      ? [
          finding(
            'epc-without-enclave',
            where,
            'asks for EPC without the device to use it',
            `add to the limits of the container: ${ENCLAVE_RESOURCE}: 1`,
          ),
        ]
      : []),
    ...(pod.node === undefined
      ? [] // told where it waits
      : epcModes
          .flatMap(mode => unitDoubt(mode, amounts.epc[mode] ?? 0n))
          .map(found => finding('unit', where, found, undefined))),
  ]
}

/** A pod that waits for others to end is none. */
function misfit({ namespace, name, explanations, fitsNoNode }: WaitingPod): Finding[] {
  if (!fitsNoNode) return []
  const why = explanations.join('; ')
  return [
    finding('fits-no-node', `${namespace}/${name}`, why, 'ask for what a node has, or add one'),
  ]
}

export function ourPodFindings({ metadata, spec, status }: ClusterPod): Finding[] {
  const ready = conditionOf(status?.conditions, 'Ready')
  if (status?.phase === 'Succeeded' || ready?.status === 'True') return []
  const where = `${metadata.namespace}/${metadata.name}`
  const on = spec.nodeName ? ` on ${spec.nodeName}` : ''
  const why = [status?.message ?? status?.reason ?? ready?.message ?? ready?.reason]
  const said = [`${status?.phase ?? 'unknown'}${on}`, ...why].filter(Boolean).join(': ')
  const remedy = `kubectl logs -n ${metadata.namespace} ${metadata.name}`
  return [finding('alcove-pod-not-ready', where, `is not ready (${said})`, remedy)]
}

function finding(
  code: FindingCode,
  where: string,
  found: string,
  remedy: string | undefined,
): Finding {
  return { code, where, found, remedy }
}
