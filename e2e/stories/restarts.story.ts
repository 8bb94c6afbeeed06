// Kubelet restarts while pods come and go. `npm run e2e -- restarts --times 100` for the figures that the documents state.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, listPods, podsPath, waitForPod } from '../kube/pods.ts'
import { AllocatableWatch } from './allocatable-watch.ts'
import { spread } from './figures.ts'
import { Load, type LoadOutcome } from './load.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { daemonLog } from './plugin-log.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { type NodeHandle, onDisk, openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const times = world.times ?? 10
const CREATE_EVERY_MS = 250

const sgxNodes = [
  { node: world.node('sgx-a'), epcMiB: 56 },
  { node: world.node('sgx-b'), epcMiB: 168 },
]

test(`${times} kubelet restarts under load: no EPC pod is rejected, none starts without its device, none that runs is lost`, async context => {
  await using namespace = await openNamespace(api, 'restarts')
  await startWitnesses(namespace.name)
  const watches = sgxNodes.map(({ node }) => new AllocatableWatch(api, node.name, EPC))
  await using load = new Load(api, namespace.name, { target: 'sgx-a', everyMs: CREATE_EVERY_MS })
  const registeredMs: number[] = []
  for (let turn = 0; turn < times; turn++) {
    const { node } = sgxNodes[turn % sgxNodes.length] ?? { node: world.node('sgx-a') }
    load.target = node.name
    const before = await socketBirth(node)
    await node.kill('kubelet')
    await load.nextOnTarget()
    registeredMs.push(await registeredAfter(node, await nextSocketBirth(node, before)))
  }
  await load[Symbol.asyncDispose]()
  for (const watch of watches) await watch[Symbol.asyncDispose]()
  const dips = sgxNodes.flatMap(({ epcMiB }, index) => watches[index]?.dips(epcMiB) ?? [])
  for (const line of figures(load.outcome, registeredMs, dips)) context.diagnostic(line)
  expectNobodyHurt(load.outcome)
  await expectWitnesses(namespace.name)
})

function figures(
  outcome: LoadOutcome,
  registeredMs: readonly number[],
  dips: readonly number[],
): readonly string[] {
  const { created, succeeded, rejected, withoutDevice, failed, tookMs } = outcome
  return [
    `${created} pods: ${succeeded} succeeded, ${rejected.length} rejected, ${withoutDevice.length} without their device, ${failed.length} failed otherwise`,
    `kubelet.sock there to registered, ms: ${spread(registeredMs)} (${registeredMs.length} restarts)`,
    `dips of allocatable at the API server: ${dips.length} of ${times}, ms: ${spread(dips)}`,
    `pod created to ended, ms: ${spread(tookMs)}`,
  ]
}

function expectNobodyHurt({ rejected, withoutDevice, failed, succeeded }: LoadOutcome): void {
  deepEqual(rejected, [])
  deepEqual(withoutDevice, [])
  deepEqual(failed, [])
  ok(succeeded > 0)
}

/** Pods that hold EPC all the while. */
async function startWitnesses(namespace: string): Promise<void> {
  for (const { node } of sgxNodes) {
    const name = `witness-${node.name}`
    const script = `${HAS_DEVICE}\nexec sleep 100000`
    await api.create(podsPath(namespace), boxPod({ name, epcMiB: 8, script, nodeName: node.name }))
    await waitForPod(api, namespace, name, isRunning, { what: `${name} running` })
  }
}

async function expectWitnesses(namespace: string): Promise<void> {
  const pods = (await listPods(api, namespace)).filter(pod =>
    pod.metadata.name.startsWith('witness-'),
  )
  equal(pods.length, sgxNodes.length)
  for (const pod of pods) {
    ok(isRunning(pod), `${pod.metadata.name} is ${pod.status.phase}: ${pod.status.message}`)
    equal(pod.status.containerStatuses[0]?.restartCount, 0)
  }
}

/** When the kubelet's registration socket was made, in milliseconds; `undefined` where there is none. */
async function socketBirth(node: NodeHandle): Promise<number | undefined> {
  const path = join(onDisk(node, '/var/lib/kubelet/device-plugins'), 'kubelet.sock')
  return (await stat(path).catch(() => undefined))?.birthtimeMs
}

async function nextSocketBirth(node: NodeHandle, before: number | undefined): Promise<number> {
  for (;;) {
    const birth = await socketBirth(node)
    if (birth !== undefined && birth !== before) return birth
    await sleep(20)
  }
}

/** From the kubelet's socket to the plugin's `registered` for EPC, in milliseconds. */
async function registeredAfter(node: NodeHandle, birth: number): Promise<number> {
  for (;;) {
    const line = (await daemonLog(node, 'device-plugin')).find(
      ({ event, fields, time }) =>
        event === 'registered' && fields['resource'] === EPC && time.getTime() >= Math.floor(birth),
    )
    if (line !== undefined) return line.time.getTime() - birth
    await sleep(50)
  }
}
