// What is read of a cluster: nodes, the pods that concern SGX, and a node's events. Every text is plain from here on.
import { z } from 'zod'
import { plainText } from '../plain-text.ts'
import type { KubeGet } from './kubectl.ts'
import { resourceNames } from './sgx-amounts.ts'

type Maybe<T> = T | null | undefined
type Texts = Readonly<Record<string, string>>

export interface ClusterCondition {
  readonly type: string
  readonly status: string
  readonly reason?: Maybe<string>
  readonly message?: Maybe<string>
}

export interface ClusterNode {
  readonly metadata: { readonly name: string; readonly labels?: Maybe<Texts> }
  readonly spec?: Maybe<{ readonly taints?: Maybe<readonly { readonly key: string }[]> }>
  readonly status?: Maybe<{
    readonly capacity?: Maybe<Texts>
    readonly allocatable?: Maybe<Texts>
    readonly conditions?: Maybe<readonly ClusterCondition[]>
  }>
}

export interface ClusterContainer {
  readonly restartPolicy?: Maybe<string>
  readonly resources?: Maybe<{ readonly requests?: Maybe<Texts>; readonly limits?: Maybe<Texts> }>
  readonly env?: Maybe<readonly { readonly name: string; readonly value?: Maybe<string> }[]>
}

export interface ClusterPod {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Maybe<Texts>
  }
  readonly spec: {
    readonly nodeName?: Maybe<string>
    readonly containers: readonly ClusterContainer[]
    readonly initContainers?: Maybe<readonly ClusterContainer[]>
  }
  readonly status?: Maybe<{
    readonly phase?: Maybe<string>
    readonly reason?: Maybe<string>
    readonly message?: Maybe<string>
    readonly conditions?: Maybe<readonly ClusterCondition[]>
  }>
}

export interface ClusterEvent {
  readonly metadata: { readonly creationTimestamp?: Maybe<string> }
  readonly type?: Maybe<string>
  readonly reason?: Maybe<string>
  readonly message?: Maybe<string>
  readonly count?: Maybe<number>
  readonly source?: Maybe<{ readonly component?: Maybe<string> }>
  readonly reportingComponent?: Maybe<string>
  readonly lastTimestamp?: Maybe<string>
  readonly eventTime?: Maybe<string>
}

interface Page<T> {
  readonly metadata?: Maybe<{ readonly continue?: Maybe<string> }>
  readonly items?: Maybe<readonly T[]>
}

const Text: z.ZodType<string> = z.string().transform(plainText)
const MaybeText: z.ZodType<Maybe<string>> = Text.nullish()
const Texts: z.ZodType<Maybe<Texts>> = z.record(Text, Text).nullish()
const Conditions: z.ZodType<Maybe<ClusterCondition[]>> = z
  .array(z.object({ type: Text, status: Text, reason: MaybeText, message: MaybeText }))
  .nullish()
const Node: z.ZodType<ClusterNode> = z.object({
  metadata: z.object({ name: Text, labels: Texts }),
  spec: z.object({ taints: z.array(z.object({ key: Text })).nullish() }).nullish(),
  status: z.object({ capacity: Texts, allocatable: Texts, conditions: Conditions }).nullish(),
})
const Containers: z.ZodType<ClusterContainer[]> = z.array(
  z.object({
    restartPolicy: MaybeText,
    resources: z.object({ requests: Texts, limits: Texts }).nullish(),
    env: z.array(z.object({ name: Text, value: MaybeText })).nullish(),
  }),
)
const Pod: z.ZodType<ClusterPod> = z.object({
  metadata: z.object({ name: Text, namespace: Text, labels: Texts }),
  spec: z.object({
    nodeName: MaybeText,
    containers: Containers,
    initContainers: Containers.nullish(),
  }),
  status: z
    .object({
      phase: MaybeText,
      reason: MaybeText,
      message: MaybeText,
      conditions: Conditions,
    })
    .nullish(),
})
const Event: z.ZodType<ClusterEvent> = z.object({
  metadata: z.object({ creationTimestamp: MaybeText }),
  type: MaybeText,
  reason: MaybeText,
  message: MaybeText,
  count: z.number().nullish(),
  source: z.object({ component: MaybeText }).nullish(),
  reportingComponent: MaybeText,
  lastTimestamp: MaybeText,
  eventTime: MaybeText,
})

function pageOf<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  const metadata = z.object({ continue: z.string().nullish() }).nullish()
  return z.object({ metadata, items: z.array(item).nullish() })
}

/** Objects of a page: answers stay small, and the API server’s work with them. */
const PAGE = 500

export async function readNodes(get: KubeGet): Promise<ClusterNode[]> {
  return readAll(get, '/api/v1/nodes', Node, () => true)
}

/** Pods of all namespaces that name an SGX resource, and Alcove’s own. */
export async function readSgxPods(get: KubeGet): Promise<ClusterPod[]> {
  return readAll(get, '/api/v1/pods', Pod, pod => isOurs(pod) || namesResource(pod))
}

export async function readNodeObject(get: KubeGet, name: string): Promise<ClusterNode> {
  return get(`/api/v1/nodes/${encodeURIComponent(name)}`, Node)
}

/** Alcove’s pods on a node. */
export async function readOurPods(get: KubeGet, node: string): Promise<ClusterPod[]> {
  const query = `fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}&labelSelector=${encodeURIComponent(`${PART_OF}=alcove`)}`
  const { items } = await get(`/api/v1/pods?${query}`, pageOf(Pod))
  return [...(items ?? [])]
}

/** What Alcove’s roles told of a node. Events of nodes are in the namespace `default`. */
export async function readOurEvents(get: KubeGet, node: string): Promise<ClusterEvent[]> {
  const selector = encodeURIComponent(`involvedObject.kind=Node,involvedObject.name=${node}`)
  const path = `/api/v1/namespaces/default/events?fieldSelector=${selector}`
  const { items } = await get(path, pageOf(Event))
  return (items ?? []).filter(event => componentOf(event).startsWith('alcove-'))
}

export function componentOf({ source, reportingComponent }: ClusterEvent): string {
  return source?.component || reportingComponent || ''
}

const PART_OF = 'app.kubernetes.io/part-of'

export function isOurs({ metadata }: ClusterPod): boolean {
  return metadata.labels?.[PART_OF] === 'alcove'
}

/** A device plugin that offers no hardware says so in its environment. */
export function isSimulating(pod: ClusterPod): boolean {
  if (!isOurs(pod)) return false
  return pod.spec.containers.some(({ env }) =>
    env?.some(({ name, value }) => name === 'DEVICE_PLUGIN_PLATFORM' && value === 'simulated'),
  )
}

export function conditionOf(
  conditions: readonly ClusterCondition[] | null | undefined,
  type: string,
): ClusterCondition | undefined {
  return conditions?.find(condition => condition.type === type)
}

function namesResource({ spec }: ClusterPod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources }) =>
    resourceNames.some(
      name => resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined,
    ),
  )
}

async function readAll<T>(
  get: KubeGet,
  path: string,
  item: z.ZodType<T>,
  keep: (item: T) => boolean,
): Promise<T[]> {
  const kept: T[] = []
  let next = ''
  do {
    const query = next === '' ? '' : `&continue=${encodeURIComponent(next)}`
    const page = await get(`${path}?limit=${PAGE}${query}`, pageOf(item))
    kept.push(...(page.items ?? []).filter(keep))
    next = page.metadata?.continue ?? ''
  } while (next !== '')
  return kept
}
