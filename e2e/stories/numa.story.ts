// Topology Manager policies, on a node with EPC on two NUMA nodes and on one with EPC on one.
import { deepEqual, equal, match } from 'node:assert/strict'
import { after, test } from 'node:test'
import { allocatable, waitForNode } from '../kube/nodes.ts'
import { deletePod, hasEnded, isRunning, type Pod, podsPath, waitForPod } from '../kube/pods.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { extraNode } from './extra-node.ts'
import { devicesByNumaNode, reconfigureKubelet } from './kubelet-state.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const SECTIONS_MIB = [64, 40]
const TOTAL_MIB = 104
const spec = extraNode({
  name: 'numa',
  number: 21,
  epcMiB: SECTIONS_MIB,
  kubelet: { topologyManagerPolicy: 'single-numa-node' },
})

const node = await world.addNode(spec)
const namespace = await openNamespace(api, 'numa')
after(async () => {
  await namespace[Symbol.asyncDispose]() // while there is a kubelet that ends its pods
  await node[Symbol.asyncDispose]()
})

async function start(name: string, nodeName: string, epcMiB: number): Promise<Pod> {
  const script = `${HAS_DEVICE}\nexec sleep 100000`
  await api.create(podsPath(namespace.name), boxPod({ name, nodeName, epcMiB, script }))
  const decided = (pod: Pod): boolean => isRunning(pod) || hasEnded(pod)
  return waitForPod(api, namespace.name, name, decided, { what: `${name} admitted or not` })
}

/** Larger than either section, and no larger than what is free. */
const LARGE_MIB = 80

test('single-numa-node: a pod gets its devices from one section, and one that is larger than a section is refused', async context => {
  await waitForNode(api, node.name, one => allocatable(one, EPC) === TOTAL_MIB, { what: 'EPC' })
  await freeEpcMiB(api, node.name)
  const large = await start('large', node.name, LARGE_MIB)
  equal(large.status.phase, 'Failed')
  equal(large.status.reason, 'TopologyAffinityError')
  match(large.status.message, /Topology locality/)
  context.diagnostic(`refused with: ${large.status.reason}: ${large.status.message}`)
  const first = await start('first', node.name, 50)
  deepEqual(await numaOf(first), { '0': 50 })
  const second = await start('second', node.name, 30)
  deepEqual(await numaOf(second), { '1': 30 })
  for (const name of ['large', 'first', 'second']) await end(name)
})

/** Answers when the kubelet has ended it, and its devices are free: a pod that is deleted by force is gone before that. */
async function end(name: string): Promise<void> {
  await deletePod(api, namespace.name, name, 1)
}

async function numaOf(pod: Pod): Promise<Readonly<Record<string, number>>> {
  equal(pod.status.phase, 'Running', pod.status.message)
  return devicesByNumaNode(node, pod.metadata.uid, EPC)
}

for (const policy of ['restricted', 'best-effort']) {
  test(`${policy}: a pod that fits into a section gets one section’s devices, and a larger one gets devices of both`, async context => {
    await using _kubelet = await reconfigureKubelet(world, node, namespace.name, {
      topologyManagerPolicy: policy,
    })
    await waitForNode(api, node.name, one => allocatable(one, EPC) === TOTAL_MIB, { what: 'EPC' })
    const small = await start(`small-${policy}`, node.name, 20)
    const ofSmall = await numaOf(small)
    deepEqual(Object.values(ofSmall), [20], JSON.stringify(ofSmall))
    await end(`small-${policy}`)
    const ofLarge = await numaOf(await start(`large-${policy}`, node.name, LARGE_MIB))
    context.diagnostic(`${LARGE_MIB} MiB by NUMA node: ${JSON.stringify(ofLarge)}`)
    equal(Object.keys(ofLarge).length, 2)
    equal((ofLarge['0'] ?? 0) + (ofLarge['1'] ?? 0), LARGE_MIB)
    await end(`large-${policy}`)
  })
}

for (const policy of ['restricted', 'single-numa-node']) {
  test(`${policy}: on a node with one section an EPC pod is admitted, since its devices name no NUMA node`, async () => {
    const one = world.node('sgx-a')
    await using _kubelet = await reconfigureKubelet(world, one, namespace.name, {
      topologyManagerPolicy: policy,
    })
    await freeEpcMiB(api, one.name)
    const pod = await start(`alone-${policy}`, one.name, 20)
    equal(pod.status.phase, 'Running', pod.status.message)
    deepEqual(await devicesByNumaNode(one, pod.metadata.uid, EPC), { '-1': 20 })
    await end(`alone-${policy}`)
  })
}
