// EPC in bytes is a number in the node's status, which anybody may overwrite and a kubelet takes at its word: it is kept there.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { allocatable, getNode, waitForNode } from '../kube/nodes.ts'
import { deletePod, hasEnded, isRunning, podsPath, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { AllocatableWatch } from './allocatable-watch.ts'
import { extraNode } from './extra-node.ts'
import { spread } from './figures.ts'
import { restartKubelet } from './kubelet-state.ts'
import { ENCLAVE, EPC_BYTES } from './names.ts'
import { openNamespace } from './namespace.ts'
import { epcOf, OFFERED, RESERVED_MIB, waitForEpc } from './offered.ts'
import { killPlugin } from './plugin-pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const NODE = 'sgx-a'
const MIB = 2 ** 20
const offered = OFFERED[NODE] ?? 0
/** The stated time: the first write of another client is put right at once, a persistent one's within the longest back-off. */
const RIGHT_AGAIN_MS = 10_000
const namespace = await openNamespace(api, 'bytes-kept')
after(() => namespace[Symbol.asyncDispose]())
await startWitnesses(world, namespace.name, [NODE])

const overwrite = (capacity: string | null): Promise<unknown> =>
  api.patch(`/api/v1/nodes/${NODE}/status`, { status: { capacity: { [EPC_BYTES]: capacity } } })

/** A pod with EPC on the node gets its device. */
async function expectServed(node: string, name: string): Promise<void> {
  await api.create(
    podsPath(namespace.name),
    boxPod({ name, nodeName: node, epcMiB: 4, script: HAS_DEVICE }),
  )
  const { status } = await waitForPod(api, namespace.name, name, hasEnded, {
    what: `${name} to end`,
  })
  equal(status.phase, 'Succeeded', JSON.stringify(status))
}

const EventList = z.object({
  items: z.array(z.object({ message: z.string().default('') })),
})

for (const [what, value] of [
  ['0', '0'],
  ['a wrong figure', '123Mi'],
  ['nothing', null],
] as const) {
  test(`another client writes ${what}: EPC is right again within its stated time, and an event says who it was`, async context => {
    await waitForEpc(world, NODE, offered)
    await overwrite(value)
    const took = await waitForEpc(world, NODE, offered)
    context.diagnostic(`written to right again: ${took} ms`)
    ok(took < RIGHT_AGAIN_MS)
    const field = `involvedObject.name=${NODE},reason=EpcOverwritten`
    const events = `/api/v1/namespaces/default/events?fieldSelector=${encodeURIComponent(field)}`
    const said = value === null ? 'was removed by' : `was set to ${value} by`
    await waitUntil(
      async () =>
        EventList.parse(await api.get(events)).items.find(({ message }) => message.includes(said)),
      { what: `an event that says ${said}` },
    )
    await expectWitnesses(world, namespace.name, [NODE])
  })
}

test('another client that writes 0 again and again while the kubelet restarts: no pod that holds EPC is lost', async context => {
  const tookMs: number[] = []
  for (let turn = 0; turn < 4; turn++) {
    await overwrite('0')
    if (turn === 1) await restartKubelet(world.node(NODE))
    tookMs.push(await waitForEpc(world, NODE, offered))
  }
  context.diagnostic(`written to right again, ms: ${spread(tookMs)}`)
  await expectServed(NODE, 'after-zeros')
  await expectWitnesses(world, namespace.name, [NODE])
})

test('the plugin is killed at any of its steps: EPC and devices are there again, no pod that runs is lost', async context => {
  const tookMs: number[] = []
  for (let turn = 0; turn < 8; turn++) {
    await overwrite('0')
    // a start takes some 300 ms: over the turns the next kill comes at another step of it
    await killPlugin(world, NODE)
    await waitUntil(async () => ((await isRunningPlugin()) ? true : undefined), {
      what: 'the plugin’s process',
      everyMs: 10,
    })
    await sleep(turn * 50)
    await killPlugin(world, NODE).catch(() => undefined) // it may not have been there yet
    const began = Date.now()
    await waitForEpc(world, NODE, offered)
    await waitForNode(api, NODE, one => allocatable(one, ENCLAVE) === 110, {
      what: 'enclave devices',
    })
    tookMs.push(Date.now() - began)
    await clearBackOff()
  }
  context.diagnostic(`killed twice to right again, ms: ${spread(tookMs)}`)
  await expectServed(NODE, 'after-kills')
  await expectWitnesses(world, namespace.name, [NODE])
})

async function isRunningPlugin(): Promise<boolean> {
  const pattern = '^/usr/local/bin/alcove-node .*device-plugin'
  return world
    .node(NODE)
    .run('pgrep', '-f', pattern)
    .then(
      () => true,
      () => false,
    )
}

/** A container that dies again and again is started later and later, up to 5 minutes: a new pod begins anew. */
async function clearBackOff(): Promise<void> {
  const selector = 'app.kubernetes.io/name=alcove-device-plugin'
  await world.kubectl([
    '-n',
    'alcove-system',
    'delete',
    'pod',
    '-l',
    selector,
    '--field-selector',
    `spec.nodeName=${NODE}`,
  ])
  await world.kubectl([
    '-n',
    'alcove-system',
    'rollout',
    'status',
    'daemonset/alcove-device-plugin',
    '--timeout=120s',
  ])
}

test('pods that are put on the node by its name and ask for more than there is are refused, and raise nothing', async () => {
  const seen = new AllocatableWatch(api, NODE, EPC_BYTES)
  for (const name of ['greedy-1', 'greedy-2', 'greedy-3']) {
    const pod = boxPod({ name, nodeName: NODE, epcMiB: 200, script: 'exec sleep 10000' })
    await api.create(podsPath(namespace.name), pod)
    const { status } = await waitForPod(api, namespace.name, name, hasEnded, { what: name })
    equal(status.phase, 'Failed')
    match(status.reason, /OutOfsgx/)
  }
  await seen[Symbol.asyncDispose]()
  deepEqual(
    seen.seen.map(one => one.allocatable),
    [offered],
  )
})

test('a node whose object is deleted has its EPC again when its kubelet registers it', async context => {
  const bytes = (48 - RESERVED_MIB) * MIB
  await using node = await world.addNode(extraNode({ name: 'again', number: 25, epcMiB: [48] }))
  await waitForEpc(world, node.name, bytes)
  await startWitnesses(world, namespace.name, [node.name])
  await api.delete(`/api/v1/nodes/${node.name}`)
  await restartKubelet(node) // a kubelet registers its node when it starts
  const took = await waitForEpc(world, node.name, bytes)
  context.diagnostic(`registered to right again: ${took} ms`)
  await expectServed(node.name, 'after-node')
})

test('EPC that really goes stays published while a pod holds it, and then its key is removed', async () => {
  const file = '/sys/devices/system/node/node0/x86/sgx_total_bytes'
  await using node = await world.addNode(extraNode({ name: 'fading', number: 26, epcMiB: [48] }))
  const bytes = (48 - RESERVED_MIB) * MIB
  await waitForEpc(world, node.name, bytes)
  const holder = boxPod({
    name: 'holder',
    nodeName: node.name,
    epcMiB: 4,
    script: 'exec sleep 10000',
  })
  await api.create(podsPath(namespace.name), holder)
  await waitForPod(api, namespace.name, 'holder', isRunning, { what: 'the holder' })
  await node.run('sh', '-c', `echo 0 > ${file}`)
  await waitForNode(api, node.name, one => allocatable(one, ENCLAVE) === 0, {
    what: 'unhealthy enclave devices',
  })
  await sleep(35_000) // past the time after which what nobody holds is removed
  equal(epcOf(await getNode(api, node.name)), bytes)
  await restartKubelet(node)
  await deletePod(api, namespace.name, 'holder', 0)
  await waitForNode(api, node.name, one => one.status.capacity[EPC_BYTES] === undefined, {
    what: 'no key for EPC',
  })
  await node.run('sh', '-c', `echo ${48 * MIB} > ${file}`)
  await waitForEpc(world, node.name, bytes)
})
