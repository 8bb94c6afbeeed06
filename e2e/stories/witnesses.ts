import { equal, ok } from 'node:assert/strict'
import { isRunning, listPods, podsPath, waitForPod } from '../kube/pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import type { World } from './world.ts'

/** Pods that hold EPC, one on each of the nodes, for as long as a story lasts. */
export async function startWitnesses(
  { api }: World,
  namespace: string,
  nodes: readonly string[],
): Promise<void> {
  for (const node of nodes) {
    const name = `witness-${node}`
    const script = `${HAS_DEVICE}\nexec sleep 100000`
    const labels = { witness: 'true' }
    const pod = boxPod({ name, epcMiB: 8, script, nodeName: node, labels })
    await api.create(podsPath(namespace), pod)
    await waitForPod(api, namespace, name, isRunning, { what: `${name} running` })
  }
}

/** All witnesses run as they did from the start: none was ended, none was started again. */
export async function expectWitnesses(
  { api }: World,
  namespace: string,
  nodes: readonly string[],
): Promise<void> {
  const pods = await listPods(api, namespace, 'witness=true')
  equal(pods.length, nodes.length)
  for (const pod of pods) {
    ok(isRunning(pod), `${pod.metadata.name} is ${pod.status.phase}: ${pod.status.message}`)
    equal(pod.status.containerStatuses[0]?.restartCount, 0)
  }
}
