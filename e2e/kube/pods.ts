import { z } from 'zod'
import type { Api } from './api.ts'
import { waitForObject, waitUntil } from './wait.ts'

/** What the stories read of a pod. */
export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly creationTimestamp: string
    readonly deletionTimestamp?: string | undefined
    readonly labels: Readonly<Record<string, string>>
  }
  readonly spec: { readonly nodeName?: string | undefined }
  readonly status: {
    readonly phase: (typeof phases)[number]
    readonly reason: string
    readonly message: string
    readonly podIP?: string | undefined
    readonly conditions: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
      readonly message: string
    }[]
    readonly containerStatuses: readonly {
      readonly name: string
      readonly ready: boolean
      readonly restartCount: number
      readonly state: {
        readonly waiting?: { readonly reason: string } | undefined
        readonly running?: { readonly startedAt: string } | undefined
        readonly terminated?: Terminated | undefined
      }
      /** Of the container before, where this one was started in its place. */
      readonly lastState: { readonly terminated?: Terminated | undefined }
    }[]
  }
}

interface Terminated {
  readonly exitCode: number
  readonly reason: string
  readonly message: string
}

const phases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
})

const terminated = z.object({
  exitCode: z.number(),
  reason: z.string().default(''),
  message: z.string().default(''),
})

const ContainerStatus = z.object({
  name: z.string(),
  ready: z.boolean(),
  restartCount: z.number(),
  state: z
    .object({
      waiting: z.object({ reason: z.string().default('') }).optional(),
      running: z.object({ startedAt: z.string() }).optional(),
      terminated: terminated.optional(),
    })
    .default({}),
  lastState: z.object({ terminated: terminated.optional() }).default({}),
})

export const podSchema: z.ZodType<Pod> = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({
    phase: z.enum(phases).default('Pending'),
    reason: z.string().default(''),
    message: z.string().default(''),
    podIP: z.string().optional(),
    conditions: z.array(Condition).default([]),
    containerStatuses: z.array(ContainerStatus).default([]),
  }),
})

const PodList = z.object({ items: z.array(podSchema) })

export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`
}

export async function listPods(
  api: Api,
  namespace: string,
  selector = '',
): Promise<readonly Pod[]> {
  const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`
  return PodList.parse(await api.get(podsPath(namespace) + query)).items
}

export async function waitForPod(
  api: Api,
  namespace: string,
  name: string,
  holds: (pod: Pod) => boolean,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<Pod> {
  const selector = encodeURIComponent(`metadata.name=${name}`)
  const path = `${podsPath(namespace)}?fieldSelector=${selector}`
  return waitForObject(api, path, podSchema, holds, options)
}

export function isRunning({ status }: Pod): boolean {
  return status.phase === 'Running' && status.containerStatuses.every(({ state }) => state.running)
}

export function hasEnded({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

/** Why the scheduler has not placed a pod; `undefined` where it has, or has not looked yet. */
export function unschedulable({ status }: Pod): string | undefined {
  const condition = status.conditions.find(({ type }) => type === 'PodScheduled')
  return condition?.reason === 'Unschedulable' ? condition.message : undefined
}

/** What a container has printed. */
export async function podLog(api: Api, namespace: string, name: string): Promise<string> {
  const { status, body } = await api.raw('GET', `${podsPath(namespace)}/${name}/log`)
  return status === 200 ? body : `(no log: ${status} ${body})`
}

/** A kubelet that looks up tens of thousands of devices ends no pod meanwhile. */
const LONGEST_END_MS = 600_000

/** Deletes a pod and waits until it is gone. */
export async function deletePod(
  api: Api,
  namespace: string,
  name: string,
  graceSeconds = 0,
): Promise<void> {
  const path = `${podsPath(namespace)}/${name}`
  await api.raw('DELETE', path, { gracePeriodSeconds: graceSeconds })
  await waitUntil(async () => ((await api.raw('GET', path)).status === 404 ? true : undefined), {
    what: `the end of pod ${name}`,
    everyMs: 50,
    timeoutMs: LONGEST_END_MS,
  })
}

/**
 * Deletes what is bound to a node that is no more, where no kubelet could end it.
 *
 * The API server's own garbage collector would leave such pods for 40 s and longer.
 */
export async function deletePodsOf(api: Api, node: string): Promise<void> {
  const bound = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`
  const { items } = PodList.parse(await api.get(bound))
  for (const { metadata } of items) await deletePod(api, metadata.namespace, metadata.name)
}
