// The node's devices and EPC come and go; the plugin follows without a restart.
import { equal } from 'node:assert/strict'
import { after, test } from 'node:test'
import { allocatable, type Node, waitForNode } from '../kube/nodes.ts'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { EPC, PROVISION } from './names.ts'
import { openNamespace } from './namespace.ts'
import { restartsOf } from './plugin-pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const NODE = 'sgx-a'
const CAPACITY = 56
const node = world.node(NODE)
const EPC_FILE = '/sys/devices/system/node/node0/x86/sgx_total_bytes'

const capacity = ({ status }: Node): number => Number(status.capacity[EPC] ?? 0)
const offered = (what: string, epc: number): Promise<Node> =>
  waitForNode(api, NODE, one => allocatable(one, EPC) === epc, { what })

const makeDevice = 'mknod -m 666 /dev/sgx/enclave c 10 229'

after(async () => {
  await node.run(
    'sh',
    '-c',
    `rm -rf /dev/sgx/enclave; ${makeDevice}; echo ${CAPACITY * 2 ** 20} > ${EPC_FILE}`,
  )
  await offered('EPC at the end', CAPACITY)
})

test('an enclave device that goes makes EPC unhealthy, and one that comes back makes it healthy; pods that hold it run on', async context => {
  await using namespace = await openNamespace(api, 'health')
  await startWitnesses(world, namespace.name, [NODE])
  const restarts = await restartsOf(world, NODE)
  await node.run('rm', '/dev/sgx/enclave')
  const gone = Date.now()
  const without = await offered('no EPC allocatable', 0)
  context.diagnostic(`device gone to allocatable 0: ${Date.now() - gone} ms`)
  equal(capacity(without), CAPACITY)
  await node.run('sh', '-c', 'mkdir /dev/sgx/enclave')
  await node.run('sh', '-c', 'rmdir /dev/sgx/enclave; echo > /dev/sgx/enclave')
  await node.run('sh', '-c', `rm /dev/sgx/enclave; ${makeDevice}`)
  const back = Date.now()
  await offered('EPC allocatable again', CAPACITY)
  context.diagnostic(`device back to allocatable: ${Date.now() - back} ms`)
  equal(await restartsOf(world, NODE), restarts)
  await expectWitnesses(world, namespace.name, [NODE])
})

for (const [what, make] of [
  ['a directory', 'mkdir /dev/sgx/enclave'],
  ['a plain file', 'echo > /dev/sgx/enclave'],
] as const) {
  test(`${what} in the device’s place is no device: nothing is allocatable until there is one`, async () => {
    await offered('EPC', CAPACITY)
    await node.run('sh', '-c', `rm /dev/sgx/enclave; ${make}`)
    await offered(`no EPC with ${what}`, 0)
    await node.run('sh', '-c', `rm -r /dev/sgx/enclave; ${makeDevice}`)
    await offered('EPC again', CAPACITY)
  })
}

test('EPC that goes to nothing and comes back is followed, and a pod then gets its device', async () => {
  await using namespace = await openNamespace(api, 'health')
  await node.run('sh', '-c', `echo 0 > ${EPC_FILE}`)
  await offered('EPC gone', 0)
  await node.run('sh', '-c', `echo ${40 * 2 ** 20} > ${EPC_FILE}`)
  await offered('less EPC', 40)
  await node.run('sh', '-c', `echo ${CAPACITY * 2 ** 20} > ${EPC_FILE}`)
  await offered('all EPC', CAPACITY)
  const pod = boxPod({ name: 'after', epcMiB: CAPACITY - 8, script: HAS_DEVICE, nodeName: NODE })
  await api.create(podsPath(namespace.name), pod)
  const ended = await waitForPod(api, namespace.name, 'after', hasEnded, { what: 'the pod' })
  equal(ended.status.phase, 'Succeeded', ended.status.message)
})

test('without the provision device nothing is offered, since no quote could be made there', async () => {
  await offered('EPC', CAPACITY)
  await node.run('rm', '/dev/sgx/provision')
  const without = await offered('no EPC without the provision device', 0)
  equal(allocatable(without, PROVISION), 0)
  const remake = 'mknod -m 660 /dev/sgx/provision c 10 229; chgrp 985 /dev/sgx/provision'
  await node.run('sh', '-c', remake)
  await offered('EPC again', CAPACITY)
  await waitForNode(api, NODE, one => allocatable(one, PROVISION) > 0, { what: 'provision again' })
})
