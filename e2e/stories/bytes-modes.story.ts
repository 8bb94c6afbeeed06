// The chart is upgraded, rolled back, and the mode changed and changed back, with pods that hold EPC: they run on.
import { equal, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { type EpcMode, installAlcove } from '../alcove/install.ts'
import { command } from '../cluster/command.ts'
import { allocatable, getNode, waitForNode } from '../kube/nodes.ts'
import { deletePod, hasEnded, isRunning, listPods, podsPath, waitForPod } from '../kube/pods.ts'
import { EPC, EPC_BYTES, epcLimits, SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { OFFERED, waitForEpc } from './offered.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, layout } = world
const NODE = 'sgx-a'
const MIB = 2 ** 20
const offered = OFFERED[NODE] ?? 0
const DISCOVERY = ['discovery.enabled=true']

const namespace = await openNamespace(api, 'bytes-modes')
after(() => namespace[Symbol.asyncDispose]())
const holders: string[] = []

/** A pod that holds EPC from now on. */
async function hold(mode: EpcMode): Promise<void> {
  const name = `holder-${mode}`
  const script = `${HAS_DEVICE}\nexec sleep 100000`
  const pod = boxPod({ name, nodeName: NODE, limits: epcLimits(8, mode), script })
  await api.create(podsPath(namespace.name), pod)
  await waitForPod(api, namespace.name, name, isRunning, { what: `${name} running` })
  holders.push(name)
}

/** A pod that asks for EPC now gets it. */
async function served(name: string, mode: EpcMode): Promise<void> {
  const pod = boxPod({ name, limits: epcLimits(4, mode), script: HAS_DEVICE })
  await api.create(podsPath(namespace.name), pod)
  const { status } = await waitForPod(api, namespace.name, name, hasEnded, {
    what: `${name} ended`,
  })
  equal(status.phase, 'Succeeded', JSON.stringify(status))
}

async function expectHolders(): Promise<void> {
  const pods = await listPods(api, namespace.name)
  for (const holder of holders) {
    const pod = pods.find(({ metadata }) => metadata.name === holder)
    ok(pod !== undefined && isRunning(pod), `${holder} is ${JSON.stringify(pod?.status)}`)
    equal(pod.status.containerStatuses[0]?.restartCount, 0)
  }
}

test('an upgrade and a rollback: pods that hold EPC run on', async () => {
  await hold('bytes')
  await installAlcove(layout, 'bytes', [...DISCOVERY, 'devicePlugin.podAnnotations.turn=upgraded'])
  await waitForEpc(world, NODE, offered)
  await served('after-upgrade', 'bytes')
  await expectHolders()
  const rollback = ['rollback', 'alcove', '--namespace', SYSTEM_NAMESPACE]
  await command(layout.helm, [...rollback, '--wait', '--timeout', '180s'])
  await served('after-rollback', 'bytes')
  await expectHolders()
})

test('bytes to devices: pods that hold EPC run on, and the number stays while one holds some', async context => {
  const began = Date.now()
  await installAlcove(layout, 'devices', DISCOVERY)
  await waitForNode(api, NODE, one => allocatable(one, EPC) === 56, { what: 'EPC as devices' })
  context.diagnostic(`${Date.now() - began} ms`)
  await served('as-devices', 'devices')
  await hold('devices')
  ok(allocatable(await getNode(api, NODE), EPC_BYTES) >= 8 * MIB)
  await expectHolders()
})

test('devices to bytes: pods that hold EPC run on, and what is held as devices is not given out again', async context => {
  const began = Date.now()
  await installAlcove(layout, 'bytes', DISCOVERY)
  await waitForEpc(world, NODE, offered - 8 * MIB)
  context.diagnostic(`${Date.now() - began} ms`)
  await served('in-bytes-again', 'bytes')
  await expectHolders()
  await deletePod(api, namespace.name, 'holder-devices')
  await waitForEpc(world, NODE, offered)
})
