import { setTimeout as delay } from 'node:timers/promises'
import { type KubeApi, KubeApiError } from '@alcove/kube-api'
import { z } from 'zod'
import type { NodeInfo } from './runtime-groups.ts'

/** As much of a Node as says who runs its containers. */
const Node = z.object({
  status: z.object({
    nodeInfo: z.object({
      containerRuntimeVersion: z.string().max(256),
      kubeletVersion: z.string().max(256),
    }),
  }),
})

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/**
 * Asks the API server for the node until it answers. Resolves to `undefined` when `signal` aborts.
 *
 * @param onFailure once for each new reason
 */
export async function askNodeRuntime(
  api: Pick<KubeApi, 'get'>,
  nodeName: string,
  signal: AbortSignal,
  onFailure: (reason: string) => void,
): Promise<NodeInfo | undefined> {
  let told: string | undefined
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; ) {
    try {
      const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`
      return (await api.get(path, Node, signal)).status.nodeInfo
    } catch (error) {
      if (signal.aborted) break
      if (!(error instanceof KubeApiError)) throw error
      if (told !== error.message) onFailure(error.message)
      told = error.message
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined)
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
  }
  return undefined
}
