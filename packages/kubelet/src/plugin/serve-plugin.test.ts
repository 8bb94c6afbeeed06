// Over 300 lines: one life of a plugin after another, each against the same stand-in; restarts under load are in restarts.test.ts.
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { Server, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import {
  atOnce,
  countingPlugin,
  Events,
  healthy,
  nothing,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import { inProcess, kill } from '../../testing/in-process.ts'
import type { ContainerAllocation, DevicePlugin } from '../device-plugin.ts'
import {
  AllocateRequestSchema,
  type Empty,
  EmptySchema,
  type RegisterRequest,
} from '../gen/device_plugin_pb.ts'
import { KubeletError } from '../kubelet-error.ts'
import { bind, callUnary, devicePluginService, registrationService, unixClient } from '../rpc.ts'
import { type StandInEvent, startStandInKubelet } from '../standin/standin-kubelet.ts'
import type { PluginEvent } from './plugin-event.ts'
import { servePlugin } from './serve-plugin.ts'

/** A pod that the kubelet admits before its devices are registered is rejected; the first is admitted no earlier than this. */
const IN_TIME_MS = 600

const all56 = ({ allocatable }: { allocatable: number }): boolean => allocatable === 56

async function allocate(path: string, ids: readonly string[]): Promise<unknown> {
  const client = unixClient(path)
  const request = create(AllocateRequestSchema, { containerRequests: [{ devicesIds: [...ids] }] })
  const { signal } = new AbortController()
  try {
    return await callUnary(client, devicePluginService.allocate, request, { signal })
  } finally {
    client.close()
  }
}

/** A kubelet that only takes registrations; `refusals` of them it refuses first. */
async function bareKubelet(directory: string, requests: RegisterRequest[], refusals = 0) {
  const server = new Server()
  server.addService(registrationService, {
    register: (
      call: ServerUnaryCall<RegisterRequest, Empty>,
      respond: sendUnaryData<Empty>,
    ): void => {
      requests.push(call.request)
      if (requests.length <= refusals) respond({ code: status.UNKNOWN, details: 'not yet' })
      else respond(null, create(EmptySchema))
    },
  })
  await bind(server, join(directory, 'kubelet.sock'))
  return { [Symbol.dispose]: () => server.forceShutdown() }
}

test('a plugin is served, then registered, and its first message is the whole list', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const kubeletEvents = new Events<StandInEvent>()
  await using kubelet = await startStandInKubelet({ directory, onEvent: kubeletEvents.take })
  await using server = await servePlugin({
    plugin: countingPlugin(56),
    directory,
    endpoint: 'alcove-epc',
    onEvent: events.take,
  })
  await kubelet.waitFor(RESOURCE, all56)
  await events.until('registered')
  equal(events.seen[0]?.event, 'serving')
  equal(server.streaming, true)
  match(server.path, /\/alcove-epc-[0-9a-z]{10}-0\.sock$/)
  const firstList = kubeletEvents.seen.find(({ event }) => event === 'resource')
  const status = { name: RESOURCE, capacity: 56, allocatable: 56, allocated: 0 }
  deepEqual(firstList, { event: 'resource', status })
})

test('a plugin waits for a kubelet that is not there yet, and says so once', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const plugin = countingPlugin(56)
  const onEvent = events.take
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc', onEvent })
  await delay(250)
  await using kubelet = await startStandInKubelet({ directory })
  await kubelet.waitFor(RESOURCE, all56, AbortSignal.timeout(IN_TIME_MS))
  equal(events.count('kubelet-absent'), 1)
})

test('a change of the list reaches the kubelet whole', async t => {
  const directory = await scratch(t)
  const plugin = countingPlugin(3)
  await using kubelet = await startStandInKubelet({ directory })
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 3)
  plugin.replace([...healthy(3), { id: 'ill', healthy: false }])
  await kubelet.waitFor(
    RESOURCE,
    ({ capacity, allocatable }) => capacity === 4 && allocatable === 3,
  )
  plugin.replace(healthy(1))
  await kubelet.waitFor(
    RESOURCE,
    ({ capacity, allocatable }) => capacity === 1 && allocatable === 1,
  )
})

test('a kubelet that restarts with a live stream has the devices back in time', async t => {
  const directory = await scratch(t)
  await using _server = await servePlugin({
    plugin: countingPlugin(56),
    directory,
    endpoint: 'epc',
  })
  for (let restarts = 0; restarts < 4; restarts++) {
    await using kubelet = await startStandInKubelet({ directory })
    await kubelet.waitFor(RESOURCE, all56, AbortSignal.timeout(IN_TIME_MS))
  }
})

test('a kubelet socket that is made anew is registered with, though the own socket and stream survive', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  await using kubelet = await startStandInKubelet({ directory })
  const plugin = countingPlugin(56)
  await using server = await servePlugin({
    plugin,
    directory,
    endpoint: 'epc',
    onEvent: events.take,
  })
  await kubelet.waitFor(RESOURCE, all56)
  await events.until('registered')
  const { path } = server
  const requests: RegisterRequest[] = []
  await unlink(kubelet.path)
  using _other = await bareKubelet(directory, requests)
  await events.until('registered', 2)
  equal(join(directory, requests[0]?.endpoint ?? ''), server.path)
  notEqual(server.path, path)
  equal(requests[0]?.version, 'v1beta1')
})

test('a plugin whose own socket is deleted registers under another name, and Allocate works again', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const plugin = countingPlugin(56)
  await using server = await servePlugin({
    plugin,
    directory,
    endpoint: 'epc',
    onEvent: events.take,
  })
  await kubelet.waitFor(RESOURCE, all56)
  await events.until('registered')
  const { path } = server
  await unlink(path)
  await events.until('registered', 2)
  notEqual(server.path, path)
  await events.until('streaming', 2)
  equal(kubelet.resource(RESOURCE).allocatable, 56)
  equal(events.count('stream-ended'), 0)
  const { ids } = await kubelet.allocate(RESOURCE, 2)
  equal(ids.length, 2)
})

test('a stream that ends without a new one is registered for again', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const requests: RegisterRequest[] = []
  using _kubelet = await bareKubelet(directory, requests)
  const plugin = countingPlugin(1)
  await using server = await servePlugin({
    plugin,
    directory,
    endpoint: 'epc',
    onEvent: events.take,
  })
  await events.until('registered')
  const client = unixClient(server.path)
  const { path, requestSerialize, responseDeserialize } = devicePluginService.listAndWatch
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(EmptySchema),
  )
  stream.on('error', () => undefined)
  await once(stream, 'data')
  equal(requests.length, 1)
  stream.cancel()
  await events.until('registered', 2)
  client.close()
})

test('a registration that is refused is tried again after 20, 40, 80 ms', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  using _kubelet = await bareKubelet(directory, [], 3)
  const plugin = countingPlugin(1)
  await using _server = await servePlugin({
    plugin,
    directory,
    endpoint: 'epc',
    onEvent: events.take,
  })
  await events.until('registered')
  deepEqual(
    events.seen.flatMap(event => (event.event === 'register-failed' ? event.retryMs : [])),
    [20, 40, 80],
  )
})

test('the late disconnect of an older instance leaves the newer one its devices', async t => {
  const directory = await scratch(t)
  const events = new Events<StandInEvent>()
  await using kubelet = await startStandInKubelet({ directory, onEvent: events.take })
  const older = await servePlugin({ plugin: countingPlugin(40), directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 40)
  await using newer = await servePlugin({ plugin: countingPlugin(56), directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, all56)
  await older[Symbol.asyncDispose]()
  await delay(50)
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 56,
    allocatable: 56,
    allocated: 0,
  })
  equal(events.count('disconnected'), 0)
  deepEqual((await readdir(directory)).toSorted(), [
    newer.path.slice(directory.length + 1),
    'kubelet.sock',
    'kubelet_internal_checkpoint',
    'standin_internal_checkpoint',
  ])
})

test('a kubelet that is killed leaves its socket; its successor has the devices back in time', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const call = `startStandInKubelet({ directory: ${JSON.stringify(directory)} })`
  const killed = await inProcess('standin/standin-kubelet.ts', call, t)
  const plugin = countingPlugin(56)
  const onEvent = events.take
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc', onEvent })
  await events.until('streaming')
  await kill(killed)
  ok((await readdir(directory)).includes('kubelet.sock'))
  await events.until('kubelet-absent')
  await using kubelet = await startStandInKubelet({ directory })
  await kubelet.waitFor(RESOURCE, all56, AbortSignal.timeout(IN_TIME_MS))
})

test('a directory that is made anew is served in and watched again', async t => {
  const base = await scratch(t)
  const directory = join(base, 'device-plugins')
  const plugin = countingPlugin(56)
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc', pollMs: 50 })
  await rename(directory, join(base, 'old')) // at once: the plugin binds its socket anew while a directory is being emptied
  await rm(join(base, 'old'), { recursive: true })
  await delay(100)
  await using kubelet = await startStandInKubelet({ directory })
  await kubelet.waitFor(RESOURCE, all56, AbortSignal.timeout(IN_TIME_MS))
})

test('a plugin that is killed leaves capacity without allocatable, and its successor removes its socket', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const call = `servePlugin({ plugin: countingPlugin(56), directory: ${JSON.stringify(directory)}, endpoint: 'epc' })`
  const child = await inProcess('plugin/serve-plugin.ts', call, t)
  await kubelet.waitFor(RESOURCE, all56)
  await kill(child)
  const after = await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 0)
  equal(after.capacity, 56)
  await rejects(kubelet.allocate(RESOURCE, 1), {
    code: 'ERR_KUBELET_UNEXPECTED_ADMISSION',
    why: `no healthy devices present; cannot allocate unhealthy devices ${RESOURCE}`,
    message: /^UnexpectedAdmissionError: .*: is the device plugin running\?$/,
  })
  const sockets = async (): Promise<string[]> =>
    (await readdir(directory)).filter(name => name.endsWith('.sock'))
  equal((await sockets()).length, 2)
  await using _server = await servePlugin({
    plugin: countingPlugin(56),
    directory,
    endpoint: 'epc',
  })
  await kubelet.waitFor(RESOURCE, all56)
  equal((await sockets()).length, 2)
})

test('Allocate refuses an unknown and an unhealthy device, each by name', async t => {
  const directory = await scratch(t)
  const plugin = countingPlugin(1)
  plugin.replace([...healthy(1), { id: 'ill', healthy: false }])
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await allocate(server.path, ['0'])
  await rejects(allocate(server.path, ['0', 'nope']), {
    code: status.INVALID_ARGUMENT,
    details: `${RESOURCE}: unknown device "nope"`,
  })
  await rejects(allocate(server.path, ['ill']), {
    code: status.FAILED_PRECONDITION,
    details: `${RESOURCE}: device "ill" is unhealthy`,
  })
  await rejects(allocate(server.path, []), { code: status.INVALID_ARGUMENT })
})

test('what a plugin’s Allocate throws or rejects with is what the kubelet and the pod are told', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const { promise, resolve } = Promise.withResolvers<ContainerAllocation>()
  let allocate: DevicePlugin['allocate'] = () => {
    throw new Error('the device node is gone')
  }
  const plugin = { ...countingPlugin(3), allocate: (ids: readonly string[]) => allocate(ids) }
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 3)
  const code = 'ERR_KUBELET_ALLOCATE'
  const gone = `${RESOURCE}: the device node is gone`
  await rejects(kubelet.allocate(RESOURCE, 1), { code, message: new RegExp(gone) })
  allocate = async () => Promise.reject(new KubeletError('ERR_KUBELET_PLUGIN', 'no CDI file'))
  await rejects(kubelet.allocate(RESOURCE, 1), { code, message: /epc_mem_in_MiB: no CDI file/ })
  allocate = () => promise
  const later = kubelet.allocate(RESOURCE, 1)
  resolve({ ...nothing, cdiDevices: ['alcove.dev/sgx=group'] })
  deepEqual((await later).allocation.cdiDevices, ['alcove.dev/sgx=group'])
})

test('an Allocate request of more than 4 MiB is received', async t => {
  const directory = await scratch(t)
  const plugin = countingPlugin(1)
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  const ids = Array.from({ length: 80_000 }, (_, index) => String(index).padStart(60, 'x'))
  await rejects(allocate(server.path, ids), { code: status.INVALID_ARGUMENT })
})

test('a list that the kubelet cannot receive is refused before anything is served', async t => {
  const directory = await scratch(t)
  const plugin = countingPlugin(262_144)
  await rejects(servePlugin({ plugin, directory, endpoint: 'epc' }), {
    code: 'ERR_KUBELET_LIST_TOO_LARGE',
    message: /262144 devices is a message of \d+ bytes, and the kubelet receives 4194304 at most/,
  })
  deepEqual(await readdir(directory), [])
})

test('a list that grows too large later is reported, and the kubelet keeps the one before', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const plugin = countingPlugin(56)
  await using kubelet = await startStandInKubelet({ directory })
  await using _server = await servePlugin({
    plugin,
    directory,
    endpoint: 'epc',
    onEvent: events.take,
  })
  await kubelet.waitFor(RESOURCE, all56)
  plugin.replace(healthy(262_144))
  await events.until('error')
  await delay(20)
  equal(kubelet.resource(RESOURCE).allocatable, 56)
})

test('a wrong resource name or endpoint is refused, and so is a path that no socket can have', async t => {
  const directory = await scratch(t)
  const plugin = countingPlugin(1)
  const code = 'ERR_KUBELET_PLUGIN'
  await rejects(servePlugin({ plugin, directory, endpoint: '../epc' }), { code })
  const nameless = { ...plugin, resourceName: 'epc' }
  await rejects(servePlugin({ plugin: nameless, directory, endpoint: 'epc' }), { code })
  await rejects(servePlugin({ plugin, directory, endpoint: 'e'.repeat(100) }), {
    code: 'ERR_KUBELET_SOCKET',
  })
})

test('an abort ends the server and leaves no socket', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory })
  const { signal, abort } = withAbort()
  const plugin = countingPlugin(56)
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc', signal })
  await kubelet.waitFor(RESOURCE, all56)
  abort()
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 0)
  await server[Symbol.asyncDispose]()
  ok(!(await readdir(directory)).some(name => name.startsWith('epc')))
})

function withAbort(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}
