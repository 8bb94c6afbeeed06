// Another device plugin for EPC on the same node: whichever comes first, ours says who it is, and leaves the resource to it.
import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { allocatable, waitForNode } from '../kube/nodes.ts'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { AllocatableWatch } from './allocatable-watch.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { extraNode } from './extra-node.ts'
import { settle } from './kubelet-state.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { daemonLog, type LogLine } from './plugin-log.ts'
import { restartsOf } from './plugin-pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { RIVAL_SOCKET, startRival } from './rival.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { type NodeHandle, openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const THEIRS = 30

/** What our plugin has said of EPC since then. */
async function said(node: NodeHandle, event: string, sinceMs: number): Promise<readonly LogLine[]> {
  return (await daemonLog(node, 'device-plugin')).filter(
    line =>
      line.event === event && line.fields['resource'] === EPC && line.time.getTime() >= sinceMs,
  )
}

async function untilSaid(node: NodeHandle, event: string, sinceMs: number): Promise<LogLine> {
  return waitUntil(async () => (await said(node, event, sinceMs))[0], {
    what: `${event} in the plugin's log`,
  })
}

async function untilOffered(node: NodeHandle, epc: number): Promise<void> {
  const what = `${epc} MiB allocatable on ${node.name}`
  await waitForNode(api, node.name, one => allocatable(one, EPC) === epc, { what })
}

async function runs(namespace: string, nodeName: string, script: string): Promise<void> {
  const name = `pod-${Date.now().toString(36)}`
  await api.create(podsPath(namespace), boxPod({ name, nodeName, epcMiB: 2, script }))
  const ended = await waitForPod(api, namespace, name, hasEnded, { what: `${name} to end` })
  equal(ended.status.phase, 'Succeeded', JSON.stringify(ended.status))
}

const GIVEN_BY_THEM = '[ "$FROM" = "the other plugin" ] && [ ! -e /dev/sgx_enclave ]'

test('a plugin that comes second is told by name, has the resource while it lives, and leaves it to ours; nothing flaps', async context => {
  await using namespace = await openNamespace(api, 'stands-back')
  const node = world.node('sgx-a')
  const restarts = await restartsOf(world, node.name)
  await freeEpcMiB(api, node.name)
  await startWitnesses(world, namespace.name, [node.name])
  await using watch = new AllocatableWatch(api, node.name, EPC)
  const started = Date.now()
  {
    await using _rival = await startRival(node, THEIRS)
    const line = await untilSaid(node, 'taken-over', started)
    context.diagnostic(`registered to taken-over: ${line.time.getTime() - started} ms`)
    context.diagnostic(String(line.fields['reason']))
    deepEqual(line.fields['sockets'], [RIVAL_SOCKET])
    match(String(line.fields['reason']), /registered on this node by another device plugin/)
    await untilOffered(node, THEIRS)
    // The kubelet follows both streams, and asks the one that registered last.
    await runs(namespace.name, node.name, GIVEN_BY_THEM)
    equal((await said(node, 'registered', started)).length, 0)
    equal((await said(node, 'stream-ended', started)).length, 0)
  }
  await untilSaid(node, 'registered', started)
  await untilOffered(node, 56)
  await runs(namespace.name, node.name, HAS_DEVICE)
  await expectWitnesses(world, namespace.name, [node.name])
  const offered = watch.seen.map(one => one.allocatable)
  deepEqual(offered, [56, THEIRS, 56])
  equal((await said(node, 'taken-over', started)).length, 1)
  equal(await restartsOf(world, node.name), restarts)
})

test('a plugin that was there first keeps the resource until it is gone', async context => {
  const spec = extraNode({ name: 'rival', number: 24, epcMiB: [48] })
  // Without its label nothing of ours runs there.
  await using node = await world.addNode({ ...spec, labels: {} })
  await using namespace = await openNamespace(api, 'stands-back')
  await using watch = new AllocatableWatch(api, node.name, EPC)
  const started = Date.now()
  {
    await using _rival = await startRival(node, THEIRS)
    await untilOffered(node, THEIRS)
    await api.patch(`/api/v1/nodes/${node.name}`, { metadata: { labels: spec.labels } })
    const line = await untilSaid(node, 'taken-over', started)
    context.diagnostic(String(line.fields['reason']))
    deepEqual(line.fields['sockets'], [RIVAL_SOCKET])
    await runs(namespace.name, node.name, GIVEN_BY_THEM)
    equal((await said(node, 'registered', started)).length, 0)
  }
  await untilSaid(node, 'registered', started)
  await untilOffered(node, 48)
  await settle(world, node, namespace.name)
  await runs(namespace.name, node.name, HAS_DEVICE)
  context.diagnostic(`allocatable: ${watch.seen.map(one => one.allocatable).join(', ')}`)
})
