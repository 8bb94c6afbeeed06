import { setTimeout as delay } from 'node:timers/promises'
import { type KubeApi, KubeApiError } from '@alcove/kube-api'
import { z } from 'zod'

/** As much of a Node as says who runs its containers. */
export interface NodeInfo {
  /** `containerd://2.4.2` */
  readonly containerRuntimeVersion: string
  /** `v1.37.2` */
  readonly kubeletVersion: string
}

const Node = z.object({
  status: z.object({
    nodeInfo: z.object({
      containerRuntimeVersion: z.string().max(256),
      kubeletVersion: z.string().max(256),
    }),
  }),
})

/**
 * Whether kubelet and container runtime put a CDI device's `additionalGids` into a container, without being told to:
 * containerd from 2.0 on, which has CDI switched on (1.7 has it off, and knows the field from 1.7.16 on); CRI-O from 1.31 on;
 * kubelet from 1.31 on, where CDI devices of device plugins are no longer a matter of a feature gate.
 *
 * @see docs/formats/cdi.md
 */
export function addsGroups({ containerRuntimeVersion, kubeletVersion }: NodeInfo): boolean {
  const [name = '', version = ''] = containerRuntimeVersion.split('://')
  const first = firstVersions[name]
  return first !== undefined && atLeast(version, first) && atLeast(kubeletVersion, [1, 31])
}

const firstVersions: Readonly<Record<string, readonly [number, number]>> = {
  containerd: [2, 0],
  'cri-o': [1, 31],
}

/** `v1.37.2`, `2.4.2`, `1.31.0-rc.1+build`: only major and minor count. */
function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^v?(\d{1,6})\.(\d{1,6})(?!\d)/.exec(version) ?? []
  if (first === undefined) return false
  return Number(first) > major || (Number(first) === major && Number(second) >= minor)
}

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/**
 * Asks the API server for the node until it answers. Resolves to `undefined` when `signal` aborts.
 *
 * @param onFailure once for each new reason
 */
export async function askNodeRuntime(
  api: KubeApi,
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
