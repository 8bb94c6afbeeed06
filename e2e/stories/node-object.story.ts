// Somebody deletes a node's object from the API server, and its kubelet registers the node again.
import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { allocatable, isReady, waitForNode } from '../kube/nodes.ts'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { extraNode } from './extra-node.ts'
import { restartKubelet } from './kubelet-state.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world

test('a node whose object is deleted offers its EPC again under a new one', async () => {
  await using node = await world.addNode(extraNode({ name: 'again', number: 25, epcMiB: [48] }))
  await using namespace = await openNamespace(api, 'node-object')
  const offers = (): Promise<unknown> =>
    waitForNode(api, node.name, one => isReady(one) && allocatable(one, EPC) === 48, {
      what: `EPC of ${node.name}`,
    })
  await offers()
  await api.delete(`/api/v1/nodes/${node.name}`)
  await restartKubelet(node) // a kubelet registers its node when it starts
  await offers()
  const pod = boxPod({ name: 'after', nodeName: node.name, epcMiB: 4, script: HAS_DEVICE })
  await api.create(podsPath(namespace.name), pod)
  const ended = await waitForPod(api, namespace.name, 'after', hasEnded, { what: 'the pod' })
  equal(ended.status.phase, 'Succeeded', JSON.stringify(ended.status))
})
