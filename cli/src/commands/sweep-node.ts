import {
  CONDITION_PREFIX,
  COUNTED_RESOURCES,
  EPC_BYTES_RESOURCE,
  LABELS_ANNOTATION,
  listedLabels,
} from '@alcove/discovery'
import { z } from 'zod'

/** As much of a Node as may have something of Alcove's. */
export interface SweptNode {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }
  readonly spec: {
    /** Whole, since they are written back. */
    readonly taints: readonly { readonly key: string; readonly [field: string]: unknown }[]
  }
  readonly status: {
    readonly capacity: Readonly<Record<string, string>>
    readonly allocatable: Readonly<Record<string, string>>
    readonly conditions: readonly { readonly type: string; readonly status: string }[]
  }
}

const words = z.record(z.string(), z.string()).default({})

export const SweptNode: z.ZodType<SweptNode> = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: words,
    annotations: words,
  }),
  spec: z
    .object({ taints: z.array(z.looseObject({ key: z.string() })).default([]) })
    .default({ taints: [] }),
  status: z
    .object({
      capacity: words,
      allocatable: words,
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
    })
    .default({ capacity: {}, allocatable: {}, conditions: [] }),
})

export interface SweepPlan {
  /** A JSON merge patch for the Node, or nothing. It replaces the taints: of this version of the Node only. */
  readonly object: object | undefined
  /** A strategic merge patch for its status, or nothing. */
  readonly status: object | undefined
  /** What these remove, for a person. */
  readonly removed: readonly string[]
  /** Resources that the kubelet still counts. */
  readonly counted: readonly CountedResource[]
}

export interface CountedResource {
  readonly resource: string
  readonly quantity: string
}

/**
 * What there is to remove of a Node now. A kubelet keeps the capacity of a resource whose device plugin has gone for 5 minutes,
 * and writes 0 then, once: a key that is removed before comes back, and one that is removed after does not. A kubelet that does
 * not run brings nothing back. Pure.
 */
export function planSweep(node: SweptNode, startupTaint: string): SweepPlan {
  const object = planObject(node, startupTaint)
  const status = planStatus(node)
  return {
    object: object.patch,
    status: status.patch,
    removed: [...object.removed, ...status.removed],
    counted: status.counted,
  }
}

interface Part {
  readonly patch: object | undefined
  readonly removed: readonly string[]
}

function planObject({ metadata, spec }: SweptNode, startupTaint: string): Part {
  const { [LABELS_ANNOTATION]: list } = metadata.annotations
  const labels = listedLabels(list).filter(key => key in metadata.labels)
  const taints = spec.taints.filter(({ key }) => key !== startupTaint)
  const isTainted = taints.length < spec.taints.length
  const removed = [
    ...labels.map(key => `label ${key}`),
    ...(list === undefined ? [] : [`annotation ${LABELS_ANNOTATION}`]),
    ...(isTainted ? [`taint ${startupTaint}`] : []),
  ]
  if (removed.length === 0) return { patch: undefined, removed }
  const patch = {
    metadata: {
      ...(labels.length > 0 && { labels: nulls(labels) }),
      ...(list !== undefined && { annotations: nulls([LABELS_ANNOTATION]) }),
    },
    ...(isTainted && { spec: { taints } }),
  }
  return { patch, removed }
}

function planStatus({ metadata, status }: SweptNode): Part & Pick<SweepPlan, 'counted'> {
  const { capacity, allocatable } = status
  const isThere = (resource: string) => resource in capacity || resource in allocatable
  const kubeletRuns = status.conditions.some(one => one.type === 'Ready' && one.status === 'True')
  const counted = COUNTED_RESOURCES.filter(isThere).map(resource => ({
    resource,
    quantity: capacity[resource] ?? '0',
  }))
  const isHeld = ({ quantity }: CountedResource) => kubeletRuns && quantity !== '0'
  const epc = isThere(EPC_BYTES_RESOURCE) && !isOfNfd(metadata.annotations)
  const resources = [
    ...(epc ? [EPC_BYTES_RESOURCE] : []),
    ...counted.filter(one => !isHeld(one)).map(({ resource }) => resource),
  ]
  const conditions = status.conditions
    .map(({ type }) => type)
    .filter(type => type.startsWith(CONDITION_PREFIX))
  const patch = {
    status: {
      ...(resources.length > 0 && { capacity: nulls(resources), allocatable: nulls(resources) }),
      ...(conditions.length > 0 && {
        conditions: conditions.map(type => ({ type, $patch: 'delete' })),
      }),
    },
  }
  const removed = [...resources, ...conditions.map(type => `condition ${type}`)]
  return {
    patch: removed.length === 0 ? undefined : patch,
    removed,
    counted: counted.filter(isHeld),
  }
}

/** NFD lists the extended resources that it keeps; Intel's rule for it has EPC under the same name. */
function isOfNfd(annotations: Readonly<Record<string, string>>): boolean {
  const listed = annotations['nfd.node.kubernetes.io/extended-resources']?.split(',') ?? []
  return listed.includes(EPC_BYTES_RESOURCE)
}

function nulls(keys: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(keys.map(key => [key, null]))
}
