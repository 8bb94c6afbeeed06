// 64 GiB of EPC is 65,536 devices. What they cost, as figures; by command only: `npm run e2e -- many-devices`.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { daemonsOf } from '../cluster/machine.ts'
import { allocatable, waitForNode } from '../kube/nodes.ts'
import {
  deletePod,
  hasEnded,
  isRunning,
  listPods,
  type Pod,
  podsPath,
  waitForPod,
} from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { AllocatableWatch } from './allocatable-watch.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { extraNode } from './extra-node.ts'
import {
  checkpointPath,
  devicesByNumaNode,
  reconfigureKubelet,
  restartKubelet,
  socketBirth,
} from './kubelet-state.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { processOf } from './node-process.ts'
import { daemonLog } from './plugin-log.ts'
import { killPlugin } from './plugin-pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { figuresText, type ProcessFigures, processFigures } from './process-figures.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const GIB = 1024
const DEVICES = 64 * GIB
/** A kubelet that looks up every device under its lock takes minutes. */
const PATIENT_MS = 600_000

/** EPC of smaller machines, all of it held by pods when their kubelet restarts. */
const FULL_GIB = [4, 8, 16]

const node = await world.addNode(extraNode({ name: 'many', number: 23, epcMiB: [4 * GIB] }))
const namespace = await openNamespace(api, 'many-devices')
after(async () => {
  await namespace[Symbol.asyncDispose]() // while there is a kubelet that ends its pods
  await node[Symbol.asyncDispose]()
})

const kubelet = async (): Promise<ProcessFigures> =>
  processFigures((await daemonsOf(node.directory, 'kubelet'))[0] ?? 0)
const plugin = async (): Promise<ProcessFigures> =>
  processFigures(await processOf(node, /alcove-node .*device-plugin/))

/** A pod that holds its devices, running or rejected; or, with a script that ends, one that has ended. */
async function startPod(name: string, epcMiB: number, script = SLEEP): Promise<Pod> {
  const pod = boxPod({ name, nodeName: node.name, epcMiB, script })
  await api.create(podsPath(namespace.name), pod)
  const decided = (one: Pod): boolean => hasEnded(one) || (script === SLEEP && isRunning(one))
  const options = { what: `${name} admitted or not`, timeoutMs: PATIENT_MS }
  return waitForPod(api, namespace.name, name, decided, options)
}

const SLEEP = `${HAS_DEVICE}\nexec sleep 100000`

async function registeredSince(sinceMs: number): Promise<number> {
  return waitUntil(
    async () =>
      (await daemonLog(node, 'device-plugin'))
        .find(
          ({ event, fields, time }) =>
            event === 'registered' && fields['resource'] === EPC && time.getTime() >= sinceMs,
        )
        ?.time.getTime(),
    { what: 'registered', timeoutMs: PATIENT_MS },
  )
}

/** When the kubelet says that it has taken in a list of that many devices. Its log has local time, and no year. */
async function listTakenIn(sinceMs: number, devices: number): Promise<number> {
  const line = new RegExp(
    `^I(\\d\\d)(\\d\\d) (\\S+) .*"Processed device updates for resource" resourceName="${EPC}" totalCount=${devices} `,
    'gm',
  )
  return waitUntil(
    async () => {
      const log = await readFile(join(node.directory, 'kubelet.log'), 'utf8')
      const year = new Date(sinceMs).getFullYear()
      const times = Array.from(log.matchAll(line), ([, month, day, time]) =>
        new Date(`${year}-${month}-${day}T${time?.slice(0, 12)}`).getTime(),
      )
      return times.find(time => time >= sinceMs)
    },
    { what: 'the kubelet to take in the list', timeoutMs: PATIENT_MS },
  )
}

/** The kubelet restarts; answers how long it takes to take in the list, which is when it admits pods that want devices again. */
async function restartCost(devices: number): Promise<string> {
  await restartKubelet(node)
  const socketMs = Math.floor((await socketBirth(node)) ?? 0)
  const created = Date.now()
  const ordinary = startOrdinary()
  const registered = await registeredSince(socketMs)
  const taken = await listTakenIn(registered - 1_000, devices)
  const ordinaryMs = (await ordinary) - created
  const { cpuSeconds } = await kubelet()
  return `kubelet.sock to registered ${registered - socketMs} ms, to the list taken in ${taken - socketMs} ms; an ordinary pod, created at once, ended after ${ordinaryMs} ms; kubelet CPU ${cpuSeconds.toFixed(1)} s`
}

/** A pod that asks for no device; answers when it has ended. */
async function startOrdinary(): Promise<number> {
  const name = `ordinary-${Date.now().toString(36)}`
  const pod = boxPod({ name, nodeName: node.name, script: 'true' })
  await api.create(podsPath(namespace.name), pod)
  const options = { what: 'an ordinary pod', timeoutMs: PATIENT_MS }
  const ended = await waitForPod(api, namespace.name, name, hasEnded, options)
  equal(ended.status.phase, 'Succeeded', ended.status.message)
  return Date.now()
}

async function offers(devices: number): Promise<void> {
  const options = { what: `${devices} devices allocatable`, timeoutMs: PATIENT_MS }
  await waitForNode(api, node.name, one => allocatable(one, EPC) === devices, options)
}

async function setEpc(mib: number): Promise<void> {
  const file = '/sys/devices/system/node/node0/x86/sgx_total_bytes'
  await node.run('sh', '-c', `echo ${mib * 2 ** 20} > ${file}`)
}

async function checkpointKiB(): Promise<number> {
  return Math.round((await stat(checkpointPath(node))).size / 1024)
}

for (const gib of FULL_GIB) {
  test(`${gib} GiB, all of it held: the kubelet restarts, and everything runs on`, async context => {
    await setEpc(gib * GIB)
    await offers(gib * GIB)
    for (;;) {
      const free = await freeEpcMiB(api, node.name)
      if (free === 0) break
      const name = `fills-${gib}-${free}`
      equal((await startPod(name, Math.min(free, 4 * GIB))).status.phase, 'Running')
    }
    context.diagnostic(await restartCost(gib * GIB))
    await offers(gib * GIB)
    const pods = await listPods(api, namespace.name)
    const filling = pods.filter(({ metadata }) => metadata.name.startsWith('fills-'))
    ok(filling.every(isRunning))
  })
}

test('65,536 devices are registered and allocatable', async context => {
  for (const { metadata } of await listPods(api, namespace.name)) {
    await deletePod(api, namespace.name, metadata.name, 1)
  }
  await startOrdinary() // the kubelet frees their devices when it admits the next pod
  const grown = Date.now()
  await setEpc(DEVICES)
  const taken = await listTakenIn(grown, DEVICES)
  await offers(DEVICES)
  context.diagnostic(
    `EPC grown to the list taken in ${taken - grown} ms (the plugin looks every 2 s)`,
  )
  context.diagnostic(`to allocatable at the API server ${Date.now() - grown} ms`)
  context.diagnostic(`kubelet: ${figuresText(await kubelet())}`)
  context.diagnostic(`plugin: ${figuresText(await plugin())}`)
  context.diagnostic(`checkpoint: ${await checkpointKiB()} KiB`)
})

/** How long the kubelet has waited for the plugin's answers to Allocate in all, in milliseconds, by its own account. */
async function allocateMs(): Promise<number> {
  const { body } = await api.raw('GET', `/api/v1/nodes/${node.name}/proxy/metrics`)
  const name = 'kubelet_device_plugin_alloc_duration_seconds_sum'
  const sum = body.split('\n').find(line => line.startsWith(`${name}{resource_name="${EPC}"}`))
  return Number(sum?.split(' ')[1] ?? 0) * 1000
}

const SIZES = [1, GIB, 4 * GIB, 16 * GIB]
const held = (size: number): string => `holds-${size}`

for (const size of SIZES) {
  test(`a pod with ${size} devices starts`, async context => {
    const before = await kubelet()
    const allocateMsBefore = await allocateMs()
    const created = Date.now()
    const pod = await startPod(held(size), size)
    const runningMs = Date.now() - created
    equal(pod.status.phase, 'Running', pod.status.message)
    deepEqual(await devicesByNumaNode(node, pod.metadata.uid, EPC), { '-1': size })
    const { body } = await api.raw('GET', `${podsPath(namespace.name)}/${held(size)}`)
    const { status } = JSON.parse(body)
    const statusBytes = JSON.stringify(status).length
    const now = await kubelet()
    context.diagnostic(
      `${size} devices: created to running ${runningMs} ms, of which Allocate ${Math.round((await allocateMs()) - allocateMsBefore)} ms, pod status ${statusBytes} bytes of JSON (${(statusBytes / size).toFixed(1)} per device), kubelet CPU ${(now.cpuSeconds - before.cpuSeconds).toFixed(1)} s, RSS ${now.residentMiB} MiB, checkpoint ${await checkpointKiB()} KiB`,
    )
  })
}

test('the plugin is killed while pods hold 21,505 of them', async context => {
  const watch = new AllocatableWatch(api, node.name, EPC)
  const from = Date.now()
  await killPlugin(world, node.name)
  const registered = await registeredSince(from)
  context.diagnostic(`killed to registered ${registered - from} ms`)
  context.diagnostic(
    `registered to the list taken in ${(await listTakenIn(from, DEVICES)) - registered} ms`,
  )
  await offers(DEVICES)
  const pod = await startPod('after-kill', 8, HAS_DEVICE)
  equal(pod.status.phase, 'Succeeded', pod.status.message)
  await watch[Symbol.asyncDispose]()
  context.diagnostic(
    `dips of allocatable, ms: ${watch.dips(DEVICES).map(Math.round).join(', ') || 'none'}`,
  )
  await expectHeld()
})

test('the kubelet restarts while pods hold 21,505 of them: they run on, and pods get devices again', async context => {
  const watch = new AllocatableWatch(api, node.name, EPC)
  context.diagnostic(await restartCost(DEVICES))
  const next = await startPod('after-restart', 8, HAS_DEVICE)
  equal(next.status.phase, 'Succeeded', next.status.message)
  context.diagnostic(`kubelet after its restart: ${figuresText(await kubelet())}`)
  context.diagnostic(`plugin: ${figuresText(await plugin())}`)
  await watch[Symbol.asyncDispose]()
  context.diagnostic(`dips of allocatable: ${dipsOf(watch)}`)
  await expectHeld()
})

function dipsOf(watch: AllocatableWatch): string {
  return (
    watch
      .dips(DEVICES)
      .map(ms => `${Math.round(ms)} ms`)
      .join(', ') || 'none'
  )
}

test('a pod that asks for more than one may hold is rejected', async () => {
  const above = await startPod('above', 16 * GIB + 1)
  equal(above.status.reason, 'UnexpectedAdmissionError', above.status.message)
  ok(above.status.message.includes('16384 at most'), above.status.message)
})

test('without the feature gate ResourceHealthStatus a kubelet’s restart costs next to nothing', async context => {
  const featureGates = { ResourceHealthStatus: false, ResourceHealthStatusMessage: false }
  await using _kubelet = await reconfigureKubelet(world, node, namespace.name, { featureGates })
  context.diagnostic(await restartCost(DEVICES))
  await expectHeld()
  // The kubelet that is configured as before would look for them again.
  for (const size of SIZES) await deletePod(api, namespace.name, held(size), 1)
  await startOrdinary()
})

async function expectHeld(): Promise<void> {
  for (const size of SIZES) {
    const { status } = await waitForPod(api, namespace.name, held(size), () => true, {
      what: held(size),
    })
    equal(status.phase, 'Running', `${held(size)}: ${status.message}`)
    equal(status.containerStatuses[0]?.restartCount, 0)
  }
}
