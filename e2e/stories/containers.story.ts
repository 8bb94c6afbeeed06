// Containers of other kinds than a pod's own: init containers, and sidecars, which are init containers that go on.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isRunning, podsPath, waitForPod } from '../kube/pods.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { devicesHeld } from './kubelet-state.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const node = world.node('sgx-a')

const PodManifest = z.looseObject({
  spec: z.looseObject({ containers: z.array(z.looseObject({ name: z.string() })) }),
})

/** The one container of such a pod, under another name. */
function container(name: string, epcMiB: number, script: string): Record<string, unknown> {
  const { spec } = PodManifest.parse(boxPod({ name, epcMiB, script: `${HAS_DEVICE}\n${script}` }))
  return { ...spec.containers[0], name }
}

test('an init container has its device and hands it on, and a sidecar keeps its own', async () => {
  await using namespace = await openNamespace(api, 'containers')
  await freeEpcMiB(api, node.name)
  const forever = 'exec sleep 100000'
  const pod = PodManifest.parse(boxPod({ name: 'all', nodeName: node.name, script: '' }))
  const initContainers = [
    { ...container('sidecar', 3, forever), restartPolicy: 'Always' },
    container('init', 6, 'true'),
  ]
  const spec = { ...pod.spec, initContainers, containers: [container('own', 4, forever)] }
  await api.create(podsPath(namespace.name), { ...pod, spec })
  const { metadata } = await waitForPod(api, namespace.name, 'all', isRunning, { what: 'the pod' })
  const held = await devicesHeld(node, metadata.uid, EPC)
  const idsOf = (name: string): readonly string[] =>
    held.find(one => one.container === name)?.ids ?? []
  const [sidecar, init, own] = ['sidecar', 'init', 'own'].map(idsOf)
  deepEqual([sidecar?.length, init?.length, own?.length], [3, 6, 4])
  ok(
    own?.every(id => init?.includes(id)),
    `${own} of ${init}`,
  )
  equal(new Set(held.flatMap(({ ids }) => ids)).size, 9)
})
