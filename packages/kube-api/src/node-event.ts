import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { KubeApi } from './kube-api.ts'
import { KubeApiError } from './kube-api-error.ts'

/** An event on a Node, as `kubectl describe node` shows it. */
export interface NodeEvent {
  readonly node: { readonly name: string; readonly uid: string }
  readonly type: 'Normal' | 'Warning'
  /** One word in CamelCase, for a machine. */
  readonly reason: string
  /** For a person; cut at 1,024 characters, as the API server takes no more. */
  readonly message: string
  /** Who says it: `alcove-device-plugin`. */
  readonly component: string
}

/** Where events of nodes are: nodes have no namespace, and the field's tools look here. */
const EVENTS = '/api/v1/namespaces/default/events'
const MOST_CHARACTERS = 1_024

const Counted = z.object({ count: z.number().int().default(1) })

/**
 * Records an event. The same of the same node again counts up the event that is there, as long as the API server keeps it (an
 * hour, unless told otherwise): however often it happens, it is one line.
 *
 * @throws {KubeApiError} as {@link KubeApi}
 */
export async function recordNodeEvent(
  api: Pick<KubeApi, 'get' | 'patch' | 'create'>,
  event: NodeEvent,
  now: Date,
  signal?: AbortSignal,
): Promise<void> {
  const { node, type, reason, component } = event
  const message = event.message.slice(0, MOST_CHARACTERS)
  const digest = createHash('sha256')
    .update(JSON.stringify([node.uid, component, type, reason, message]))
    .digest('hex')
  const name = `${node.name.slice(0, 200)}.${digest.slice(0, 16)}`
  const lastTimestamp = now.toISOString().replace(/\.\d+Z$/, 'Z')
  const path = `${EVENTS}/${encodeURIComponent(name)}`
  try {
    const { count } = await api.get(path, Counted, signal)
    await api.patch(path, { count: count + 1, lastTimestamp }, Counted, signal)
    return
  } catch (error) {
    if (!(error instanceof KubeApiError) || error.status !== 404) throw error
  }
  const object = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    involvedObject: { apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid },
    type,
    reason,
    message,
    source: { component, host: node.name },
    reportingComponent: component,
    reportingInstance: node.name,
    firstTimestamp: lastTimestamp,
    lastTimestamp,
    count: 1,
  }
  await api.create(EVENTS, object, Counted, signal)
}
