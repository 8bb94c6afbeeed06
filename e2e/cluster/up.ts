import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Api, connectApi } from '../kube/api.ts'
import { isReady, nodeSchema } from '../kube/nodes.ts'
import { ClusterError } from './cluster-error.ts'
import { startControlPlane } from './control-plane.ts'
import { takeDown } from './down.ts'
import { type ClusterLayout, CONTROL_PLANE, kubeconfigOf, namespaceOf } from './layout.ts'
import { type NodeParts, startNode } from './node.ts'
import type { NodeSpec } from './node-spec.ts'

const READY_MS = 120_000
const LOOK_MS = 100

/** Brings a cluster up anew: what there was under its name is taken down first. Answers when every node is Ready. */
export async function bringUp(options: {
  readonly layout: ClusterLayout
  readonly nodes: readonly NodeSpec[]
  readonly parts: NodeParts
  readonly onProgress: (text: string) => void
  readonly signal: AbortSignal
}): Promise<Api> {
  const { layout, nodes, parts, onProgress, signal } = options
  await takeDown(layout)
  await mkdir(layout.state, { recursive: true, mode: 0o700 })
  onProgress('control plane')
  await startControlPlane(layout, parts)
  await writeScripts(layout, parts)
  const api = connectApi(layout.apiSocket)
  onProgress(`nodes ${nodes.map(({ name }) => name).join(', ')}`)
  await Promise.all(nodes.map(node => startNode(layout, node, parts)))
  await waitFor(signal, 'the API server', async () => {
    if (!existsSync(layout.apiSocket)) return false
    return (await api.raw('GET', '/readyz')).status === 200
  })
  onProgress('API server ready')
  await waitFor(signal, 'every node to be Ready', () => allReady(api, nodes))
  await waitFor(signal, 'the default service account', async () => {
    const path = '/api/v1/namespaces/default/serviceaccounts/default'
    return (await api.raw('GET', path)).status === 200
  })
  return api
}

const Nodes = z.object({ items: z.array(nodeSchema) })

async function allReady(api: Api, nodes: readonly NodeSpec[]): Promise<boolean> {
  const { items } = Nodes.parse(await api.get('/api/v1/nodes'))
  return items.filter(isReady).length === nodes.length
}

async function waitFor(
  signal: AbortSignal,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = Date.now() + READY_MS
  while (!(await holds())) {
    signal.throwIfAborted()
    if (Date.now() > end) {
      const text = `${what} did not come within ${READY_MS / 1000} s; the logs are in the cluster's directory`
      throw new ClusterError('ERR_CLUSTER_TIMEOUT', text)
    }
    await sleep(LOOK_MS)
  }
}

/** Programs with the administrator's rights, where the API server can be reached: in the control plane's network namespace. */
async function writeScripts(layout: ClusterLayout, parts: NodeParts): Promise<void> {
  const enter = `nsenter --net=/run/netns/${namespaceOf(layout, CONTROL_PLANE)} --`
  const write = async (path: string, program: string): Promise<void> => {
    const kubeconfig = `--kubeconfig=${kubeconfigOf(layout, 'admin')}`
    await writeFile(path, `#!/bin/sh\nexec ${enter} ${program} ${kubeconfig} "$@"\n`)
    await chmod(path, 0o700)
  }
  await write(layout.kubectl, join(parts.kubernetesBin, 'kubectl'))
  if (parts.helm !== undefined) await write(layout.helm, parts.helm)
}
