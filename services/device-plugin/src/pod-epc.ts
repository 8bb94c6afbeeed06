// How much EPC the pods of a node hold, by their specs: EPC in bytes is a number to the scheduler, and no kubelet accounts for it.
import { KubeApiError, parseQuantity } from '@alcove/kube-api'
import { z } from 'zod'
import { EPC_BYTES_RESOURCE, EPC_RESOURCE } from './resource-names.ts'

/** As much of a Pod as says what EPC it holds. Extended resources have requests wherever they have limits, and both are equal. */
export interface PodSpec {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly containers: readonly Container[]
    readonly initContainers: readonly Container[]
  }
  readonly status: { readonly phase: string; readonly containerStatuses: readonly unknown[] }
}

interface Container {
  readonly name: string
  readonly restartPolicy?: string | undefined
  /** EPC under either of its names, in that name's unit. */
  readonly resources: { readonly requests: Readonly<Record<string, bigint>> }
}

const EPC_NAMES: ReadonlySet<string> = new Set([EPC_BYTES_RESOURCE, EPC_RESOURCE])

const requests = z
  .record(z.string(), z.string())
  .default({})
  .transform((all, context) => {
    const epc: Record<string, bigint> = {}
    for (const [name, text] of Object.entries(all)) {
      if (!EPC_NAMES.has(name)) continue
      try {
        epc[name] = parseQuantity(text)
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error
        context.addIssue({ code: 'custom', message: error.message })
      }
    }
    return epc
  })

const container = z.object({
  name: z.string().max(63),
  restartPolicy: z.string().optional(),
  resources: z.object({ requests }).default({ requests: {} }),
})

const readable: z.ZodType<PodSpec> = z.object({
  metadata: z.object({ name: z.string().max(253), namespace: z.string().max(63) }),
  spec: z.object({
    containers: z.array(container),
    initContainers: z.array(container).default([]),
  }),
  status: z
    .object({ phase: z.string().default(''), containerStatuses: z.array(z.unknown()).default([]) })
    .default({ phase: '', containerStatuses: [] }),
})

/** A pod that is not as the API says is `undefined`: what it holds is not known, and the other pods are followed all the same. */
export const podSpec: z.ZodType<PodSpec | undefined> = z.unknown().transform(pod => {
  const { data } = readable.safeParse(pod)
  return data
})

/** What a pod holds of EPC, bytes; of each container, and of the pod as the scheduler counts it. */
export interface PodEpc {
  readonly namespace: string
  readonly pod: string
  /** Of the pod: containers together, or an init container that asks for more. */
  readonly bytes: bigint
  readonly containers: readonly { readonly name: string; readonly bytes: bigint }[]
}

const MIB = 1n << 20n

/**
 * What the pod holds under one of EPC's two names; `undefined` where nothing, where it has ended, and while the kubelet has not
 * admitted it: anybody can put a pod that asks for any amount on a node by its name, and what admission refuses holds nothing.
 */
export function podEpc(
  { metadata, spec, status }: PodSpec,
  mode: 'bytes' | 'devices',
): PodEpc | undefined {
  const admitted = status.phase === 'Running' || status.containerStatuses.length > 0
  if (!admitted || status.phase === 'Succeeded' || status.phase === 'Failed') return undefined
  const epcOf = ({ resources }: Container): bigint =>
    mode === 'bytes'
      ? (resources.requests[EPC_BYTES_RESOURCE] ?? 0n)
      : (resources.requests[EPC_RESOURCE] ?? 0n) * MIB
  // A sidecar, an init container that is always restarted, keeps what it has; any other gives it back before the next starts.
  let sidecars = 0n
  let most = 0n
  for (const container of spec.initContainers) {
    const epc = epcOf(container)
    if (sidecars + epc > most) most = sidecars + epc
    if (container.restartPolicy === 'Always') sidecars += epc
  }
  const together = spec.containers.reduce((sum, container) => sum + epcOf(container), sidecars)
  const bytes = together > most ? together : most
  if (bytes === 0n) return undefined
  const containers = [...spec.initContainers, ...spec.containers]
    .map(container => ({ name: container.name, bytes: epcOf(container) }))
    .filter(container => container.bytes > 0n)
  return { namespace: metadata.namespace, pod: metadata.name, bytes, containers }
}

export function sumOf(pods: readonly PodEpc[]): bigint {
  return pods.reduce((sum, { bytes }) => sum + bytes, 0n)
}
