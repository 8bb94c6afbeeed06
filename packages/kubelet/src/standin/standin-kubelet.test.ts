import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { barePlugin, register } from '../../testing/bare-plugin.ts'
import {
  atOnce,
  countingPlugin,
  Events,
  healthy,
  nothing,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import { servePlugin } from '../plugin/serve-plugin.ts'
import { admit } from './admission.ts'
import { type StandInEvent, startStandInKubelet } from './standin-kubelet.ts'

test('at its start the stand-in deletes the sockets in its directory, and nothing else', async t => {
  const directory = await scratch(t)
  await writeFile(join(directory, 'kubelet_internal_checkpoint'), '')
  await mkdir(join(directory, 'folder.sock'))
  const stale = createServer().listen(join(directory, 'other.sock'))
  t.after(() => stale.close())
  await using _kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  deepEqual((await readdir(directory)).toSorted(), [
    'folder.sock',
    'kubelet.sock',
    'kubelet_internal_checkpoint',
  ])
})

test('a stand-in that ends removes its socket, but not that of its successor', async t => {
  const directory = await scratch(t)
  const first = await startStandInKubelet({ directory, behaviour: atOnce })
  const second = await startStandInKubelet({ directory, behaviour: atOnce })
  await first[Symbol.asyncDispose]()
  deepEqual(await readdir(directory), ['kubelet.sock'])
  await second[Symbol.asyncDispose]()
  deepEqual(await readdir(directory), [])
})

for (const [fields, says] of [
  [
    { version: 'v1alpha' },
    /^requested API version "v1alpha" is not supported by kubelet. Supported version is \["v1beta1"\]$/,
  ],
  [{ endpoint: '../p.sock' }, /not the plain name of a socket file/],
  [{ endpoint: '' }, /not the plain name of a socket file/],
  [{ endpoint: '..' }, /not the plain name of a socket file/],
  [{ endpoint: 'kubelet.sock' }, /not the plain name of a socket file/],
  [{ resourceName: 'epc' }, /^the ResourceName "epc" is invalid$/],
] as const) {
  test(`a registration with ${JSON.stringify(fields)} is refused`, async t => {
    const events = new Events<StandInEvent>()
    const directory = await scratch(t)
    await using kubelet = await startStandInKubelet({ directory, onEvent: events.take })
    await rejects(register(kubelet.path, fields), { details: says })
    equal(events.count('register-refused'), 1)
    deepEqual(kubelet.resources(), [])
  })
}

test('a list of more than 4 MiB ends the stream and leaves the resource at 0', async t => {
  const directory = await scratch(t)
  const events = new Events<StandInEvent>()
  await using kubelet = await startStandInKubelet({ directory, onEvent: events.take })
  using _plugin = await barePlugin(join(directory, 'p.sock'), healthy(262_144))
  await register(kubelet.path, {})
  await events.until('disconnected')
  const end = events.seen.find(({ event }) => event === 'disconnected')
  match(JSON.stringify(end), /RESOURCE_EXHAUSTED.*larger than max \(\d+ vs 4194304\)/)
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 0,
    allocatable: 0,
    allocated: 0,
  })
})

test('a plugin that answers no Allocate call gives the devices back', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  using _plugin = await barePlugin(join(directory, 'p.sock'), healthy(2))
  await register(kubelet.path, {})
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 2)
  await rejects(kubelet.allocate(RESOURCE, 1), {
    code: 'ERR_KUBELET_ALLOCATE',
    message: /the device plugin did not allocate: 12 UNIMPLEMENTED/,
  })
  equal(kubelet.resource(RESOURCE).allocated, 0)
})

test('devices are held by one program at a time, and come back with its release', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const plugin = countingPlugin(56)
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 56)
  await rejects(kubelet.allocate(RESOURCE, 64), {
    code: 'ERR_KUBELET_INSUFFICIENT',
    message:
      /^Insufficient kubernetes.azure.com\/sgx_epc_mem_in_MiB: asked 64, 56 left of 56; ask for less/,
    resource: RESOURCE,
    asked: 64,
    free: 56,
    allocatable: 56,
  })
  const [first, second] = await Promise.all([
    kubelet.allocate(RESOURCE, 10),
    kubelet.allocate(RESOURCE, 40),
  ])
  equal(new Set([...first.ids, ...second.ids]).size, 50)
  await rejects(kubelet.allocate(RESOURCE, 10), { asked: 10, free: 6, allocatable: 56 })
  first.release()
  first.release()
  equal(kubelet.resource(RESOURCE).allocated, 40)
  equal((await kubelet.allocate(RESOURCE, 16)).ids.length, 16)
})

test('an answer that is malformed is refused and gives the devices back', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const device = { hostPath: '/dev/null', containerPath: '/dev/x', permissions: 'execute' }
  const plugin = countingPlugin(1, { ...nothing, devices: [device] })
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 1)
  await rejects(kubelet.allocate(RESOURCE, 1), { code: 'ERR_KUBELET_ALLOCATION' })
  equal(kubelet.resource(RESOURCE).allocated, 0)
})

test('limits on two resources are met both or not at all', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const other = 'sgx.intel.com/provision'
  const plugins = [countingPlugin(2), countingPlugin(1, nothing, other)]
  await using servers = new AsyncDisposableStack()
  for (const [index, plugin] of plugins.entries()) {
    servers.use(await servePlugin({ plugin, directory, endpoint: `p${index}` }))
    await kubelet.waitFor(plugin.resourceName, ({ allocatable }) => allocatable > 0)
  }
  await rejects(admit(kubelet, { [RESOURCE]: 2, [other]: 2 }), { resource: other })
  equal(kubelet.resource(RESOURCE).allocated, 0)
  const admission = await admit(kubelet, { [RESOURCE]: 2, [other]: 1 })
  equal(admission.allocations.length, 2)
  admission.release()
  ok(kubelet.resources().every(({ allocated }) => allocated === 0))
})

test('waiting for a resource ends with its signal', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const waiting = kubelet.waitFor(RESOURCE, () => false, AbortSignal.timeout(20))
  await rejects(waiting, { name: 'TimeoutError' })
})
