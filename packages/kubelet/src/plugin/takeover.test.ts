import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type BarePlugin, barePlugin, register } from '../../testing/bare-plugin.ts'
import {
  atOnce,
  type CountingPlugin,
  countingPlugin,
  Events,
  healthy,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import type { Device } from '../device-plugin.ts'
import { KUBELET_CHECKPOINT } from '../kubelet-checkpoint.ts'
import type { Behaviour } from '../standin/behaviour.ts'
import { type StandInKubelet, startStandInKubelet } from '../standin/standin-kubelet.ts'
import type { PluginEvent } from './plugin-event.ts'
import { type PluginServer, servePlugin } from './serve-plugin.ts'
import type { Timing } from './timing.ts'

const timing: Partial<Timing> = { pollMs: 50, lookMs: 50, giveWayMs: 400 }

const theirs = (count: number): Device[] =>
  Array.from({ length: count }, (_, index) => ({ id: `sgx-${index}`, healthy: true }))

const listed =
  (count: number) =>
  ({ allocatable }: { allocatable: number }): boolean =>
    allocatable === count

async function node(t: TestContext) {
  const parts = new AsyncDisposableStack()
  t.after(() => parts.disposeAsync())
  const directory = await scratch(t)
  const open = async (behaviour: Partial<Behaviour> = {}): Promise<StandInKubelet> =>
    parts.use(await startStandInKubelet({ directory, behaviour: { ...atOnce, ...behaviour } }))
  /** Another plugin for the same resource; `registered` by the kubelet once it answers. */
  const other = async (kubelet: StandInKubelet, count: number): Promise<BarePlugin> => {
    const plugin = await barePlugin(join(directory, 'sgx.sock'), theirs(count), {
      allocate: () => ({ FROM: 'other' }),
    })
    parts.use(plugin)
    await register(kubelet.path, { endpoint: 'sgx.sock' })
    await kubelet.waitFor(RESOURCE, listed(count))
    return plugin
  }
  const ours = async (
    count: number,
  ): Promise<{ server: PluginServer; events: Events<PluginEvent>; plugin: CountingPlugin }> => {
    const events = new Events<PluginEvent>()
    const plugin = countingPlugin(count)
    const options = { plugin, directory, endpoint: 'alcove-epc', timing, onEvent: events.take }
    return { server: parts.use(await servePlugin(options)), events, plugin }
  }
  return { directory, open, other, ours }
}

test('where another plugin has registered the resource, ours says who, registers nothing, and serves when that one is gone', async t => {
  const { open, other, ours } = await node(t)
  const kubelet = await open()
  const theirPlugin = await other(kubelet, 9)
  const { server, events } = await ours(4)
  await events.until('taken-over')
  const told = events.seen.find(({ event }) => event === 'taken-over')
  ok(told?.event === 'taken-over')
  deepEqual([told.resource, told.sockets], [RESOURCE, ['sgx.sock']])
  match(
    told.reason,
    /another device plugin \(its socket: sgx\.sock\): standing back until it is gone/,
  )
  await delay(300)
  deepEqual([events.count('registered'), events.count('taken-over')], [0, 1])
  deepEqual([server.streaming, server.registrations, server.lastError], [false, 0, told.reason])
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'other' })
  theirPlugin[Symbol.dispose]()
  await kubelet.waitFor(RESOURCE, listed(4))
  equal(server.registrations, 1)
})

test('devices that nobody serves any more, and sockets of other resources, are nobody’s claim', async t => {
  const { directory, open, other, ours } = await node(t)
  const kubelet = await open()
  const gone = await other(kubelet, 9)
  gone[Symbol.dispose]()
  {
    const { server, events } = await ours(4)
    await kubelet.waitFor(RESOURCE, listed(4))
    equal(events.count('taken-over'), 0)
    await server[Symbol.asyncDispose]()
  }
  using _gpu = await barePlugin(join(directory, 'gpu.sock'), healthy(2))
  await register(kubelet.path, { endpoint: 'gpu.sock', resourceName: 'gpu.example/gpu' })
  const { events } = await ours(4)
  await kubelet.waitFor(RESOURCE, listed(4))
  await delay(200)
  equal(events.count('taken-over'), 0)
})

test('a checkpoint that cannot be read stops nobody, and is told once', async t => {
  const { directory, open, ours } = await node(t)
  const kubelet = await open()
  // File times are those of the kernel's tick, which may be the same for the socket.
  await delay(20)
  await writeFile(join(directory, KUBELET_CHECKPOINT), '{"Data":')
  using _gpu = await barePlugin(join(directory, 'gpu.sock'), healthy(2))
  const { server, events } = await ours(4)
  await kubelet.waitFor(RESOURCE, listed(4))
  await delay(200)
  equal(events.count('error'), 1)
  match(server.lastError ?? '', /kubelet_internal_checkpoint: not JSON/)
})

for (const dropsNewest of [false, true]) {
  const kubelets = dropsNewest ? 'up to 1.35' : 'of 1.37'
  test(`another plugin that registers later with a kubelet ${kubelets} is noticed: its list stands, our stream stays open but carries nothing`, async t => {
    const { open, other, ours } = await node(t)
    const kubelet = await open({ dropsNewest })
    const { server, events, plugin } = await ours(4)
    await events.until('streaming')
    // After the list that every stream gets again in its second second.
    await delay(1_100)
    const theirPlugin = await other(kubelet, 9)
    await events.until('taken-over')
    equal(server.streaming, false)
    plugin.replace(healthy(5))
    await delay(200)
    equal(kubelet.resource(RESOURCE).allocatable, 9)
    deepEqual([events.count('stream-ended'), events.count('registered')], [0, 1])
    theirPlugin[Symbol.dispose]()
    await kubelet.waitFor(RESOURCE, listed(5))
    await events.until('registered', 2)
    equal((await kubelet.allocate(RESOURCE, 5)).ids.length, 5)
  })
}

test('a plugin that has stood back leaves a kubelet that restarts to the other one, and serves if that does not come', async t => {
  const { open, other, ours } = await node(t)
  const kubelet = await open()
  const first = await other(kubelet, 9)
  const { server, events } = await ours(4)
  await events.until('taken-over')
  await kubelet[Symbol.asyncDispose]()
  first[Symbol.dispose]()
  const second = await open()
  const again = await other(second, 9)
  await delay(800)
  deepEqual([events.count('registered'), events.count('taken-over')], [0, 1])
  equal(second.resource(RESOURCE).allocatable, 9)
  await second[Symbol.asyncDispose]()
  again[Symbol.dispose]()
  const began = performance.now()
  const third = await open()
  await third.waitFor(RESOURCE, listed(4))
  ok(performance.now() - began > 399)
  equal(server.streaming, true)
})
