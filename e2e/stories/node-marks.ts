import { z } from 'zod'
import type { World } from './world.ts'

/** Everything of a node that Alcove can write: what is on it by any name of ours. */
export interface NodeMarks {
  readonly resources: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly taints: readonly string[]
  readonly conditions: readonly string[]
}

const texts = z.record(z.string(), z.string()).default({})

const Marked = z.object({
  metadata: z.object({ labels: texts, annotations: texts }),
  spec: z.object({ taints: z.array(z.object({ key: z.string() })).default([]) }),
  status: z.object({
    capacity: texts,
    allocatable: texts,
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
  }),
})

/** The node's resources, labels, annotations, taints and conditions, but for those that a kubelet renews. */
export async function nodeMarks({ api }: World, node: string): Promise<NodeMarks> {
  const { metadata, spec, status } = Marked.parse(await api.get(`/api/v1/nodes/${node}`))
  const resources = [...Object.keys(status.capacity), ...Object.keys(status.allocatable)]
  return {
    resources: [...new Set(resources)].toSorted(),
    labels: metadata.labels,
    annotations: metadata.annotations,
    taints: spec.taints.map(({ key }) => key).toSorted(),
    conditions: status.conditions.map(({ type }) => type).toSorted(),
  }
}
