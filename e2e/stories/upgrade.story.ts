// The device plugin is upgraded while pods come and go.
import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { allocatable, getNode, waitForNode } from '../kube/nodes.ts'
import { AllocatableWatch } from './allocatable-watch.ts'
import { spread } from './figures.ts'
import { expectNobodyHurt, Load, outcomeText } from './load.ts'
import { EPC, SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, kubectl } = world
const NODES = ['sgx-a', 'sgx-b']
const DAEMON_SET = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}/daemonsets/alcove-device-plugin`

async function upgrade(strategy: { maxSurge: number; maxUnavailable: number }): Promise<void> {
  await api.patch(DAEMON_SET, {
    spec: {
      updateStrategy: { rollingUpdate: strategy },
      template: { metadata: { annotations: { 'alcove.dev/e2e': String(Date.now()) } } },
    },
  })
  const name = 'daemonset/alcove-device-plugin'
  await kubectl(['-n', SYSTEM_NAMESPACE, 'rollout', 'status', name, '--timeout=180s'])
}

/** Kubelets up to 1.35 drop the newest list with the end of any stream of its resource, and have it again at once. */
async function losesDevices(): Promise<boolean> {
  const { status } = await getNode(api, 'sgx-a')
  const [, minor = ''] = /^v1\.(\d+)\./.exec(status.nodeInfo.kubeletVersion) ?? []
  return Number(minor) < 36
}

test('two plugins overlap in an upgrade: no pod is rejected, none starts without its device, allocatable never dips', async context => {
  await using namespace = await openNamespace(api, 'upgrade')
  await startWitnesses(world, namespace.name, NODES)
  const watches = NODES.map(node => new AllocatableWatch(api, node, EPC))
  await using load = new Load(api, namespace.name, { target: 'sgx-a', everyMs: 250 })
  await load.nextOnTarget()
  await upgrade({ maxSurge: 1, maxUnavailable: 0 })
  await load.nextOnTarget()
  await load[Symbol.asyncDispose]()
  for (const watch of watches) await watch[Symbol.asyncDispose]()
  context.diagnostic(outcomeText(load.outcome))
  const seen = watches.map(watch => watch.seen)
  if (await losesDevices()) {
    context.diagnostic(
      `a kubelet that loses devices as the old plugin ends: ${JSON.stringify(seen)}`,
    )
    deepEqual(load.outcome.withoutDevice, [])
  } else {
    // The kubelet closes its connection to the old plugin as it takes in the new one: an Allocate that is under way then is lost.
    const lost = load.outcome.rejected.filter(line => line.includes('client connection is closing'))
    ok(lost.length <= NODES.length, lost.join('\n'))
    expectNobodyHurt(load.outcome, lost.length)
    deepEqual(
      seen.map(({ length }) => length),
      [1, 1],
      JSON.stringify(seen),
    )
  }
  await expectWitnesses(world, namespace.name, NODES)
})

test('without overlap, pods that a node admits meanwhile are rejected and counted; none starts without its device', async context => {
  await using namespace = await openNamespace(api, 'upgrade')
  await startWitnesses(world, namespace.name, NODES)
  const watch = new AllocatableWatch(api, 'sgx-a', EPC)
  await using load = new Load(api, namespace.name, { target: 'sgx-a', everyMs: 250 })
  await load.nextOnTarget()
  await using shipped = new AsyncDisposableStack()
  shipped.defer(() => upgrade({ maxSurge: 1, maxUnavailable: 0 }))
  await upgrade({ maxSurge: 0, maxUnavailable: 1 })
  await load.nextOnTarget()
  await load[Symbol.asyncDispose]()
  await waitForNode(api, 'sgx-a', node => allocatable(node, EPC) === 56, { what: 'EPC' })
  await watch[Symbol.asyncDispose]()
  context.diagnostic(outcomeText(load.outcome))
  context.diagnostic(`dips of allocatable, ms: ${spread(watch.dips(56))}`)
  deepEqual(load.outcome.withoutDevice, [])
  await expectWitnesses(world, namespace.name, NODES)
})
