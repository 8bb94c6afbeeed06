import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { barePlugin } from '../../testing/bare-plugin.ts'
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
import type { Behaviour } from '../standin/behaviour.ts'
import { type StandInEvent, startStandInKubelet } from '../standin/standin-kubelet.ts'
import type { PluginEvent } from './plugin-event.ts'
import { servePlugin } from './serve-plugin.ts'

const PROVISION = 'sgx.intel.com/provision'
const timing = { pollMs: 50, lookMs: 50, giveWayMs: 400 }
const all56 = ({ allocatable }: { allocatable: number }): boolean => allocatable === 56

/** A stand-in that remembers the least that was allocatable once 56 were. */
async function node(t: TestContext) {
  const parts = new AsyncDisposableStack()
  t.after(() => parts.disposeAsync())
  const directory = await scratch(t)
  const seen = { lowest: 56, full: false }
  const onEvent = (event: StandInEvent): void => {
    if (event.event !== 'resource' || event.status.name !== RESOURCE) return
    seen.full ||= event.status.allocatable === 56
    if (seen.full) seen.lowest = Math.min(seen.lowest, event.status.allocatable)
  }
  const open = async (behaviour: Partial<Behaviour> = {}) => {
    seen.full = false
    return parts.use(
      await startStandInKubelet({ directory, behaviour: { ...atOnce, ...behaviour }, onEvent }),
    )
  }
  const serve = async (from: string, devices = 56) => {
    const events = new Events<PluginEvent>()
    const plugin = countingPlugin(devices, { ...nothing, envs: { FROM: from } })
    const options = { plugin, directory, endpoint: 'alcove-epc', timing, onEvent: events.take }
    return { server: parts.use(await servePlugin(options)), events, plugin }
  }
  return { directory, open, serve, seen }
}

test('in an update where both instances live, the newer serves at once, the older is quiet until it ends, and nothing dips', async t => {
  const { open, serve, seen } = await node(t)
  const kubelet = await open()
  const older = await serve('older')
  await kubelet.waitFor(RESOURCE, all56)
  await older.events.until('registered')
  const newer = await serve('newer')
  while (!newer.server.streaming) (await kubelet.allocate(RESOURCE, 1)).release()
  await older.events.until('superseded')
  equal(older.server.streaming, false)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'newer' })
  older.plugin.replace(healthy(3))
  await delay(300)
  equal(kubelet.resource(RESOURCE).allocatable, 56)
  deepEqual([older.events.count('registered'), older.events.count('superseded')], [1, 1])
  match(
    older.server.lastError ?? '',
    /served by a newer instance of this plugin \(alcove-epc-\w+-0\.sock\)/,
  )
  await older.server[Symbol.asyncDispose]()
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'newer' })
  equal(newer.events.count('superseded'), 0)
  equal(seen.lowest, 56)
})

test('a newer instance that ends again gives the resource back to the older one, without a dip', async t => {
  const { open, serve, seen } = await node(t)
  const kubelet = await open()
  const older = await serve('older')
  await kubelet.waitFor(RESOURCE, all56)
  const newer = await serve('newer')
  await older.events.until('superseded')
  await newer.events.until('streaming')
  await newer.server[Symbol.asyncDispose]()
  await older.events.until('registered', 2)
  await older.events.until('streaming', 2)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'older' })
  equal(older.server.streaming, true)
  equal(seen.lowest, 56)
})

test('a newer instance that is killed leaves its socket, and the older one serves again', async t => {
  const { directory, open, serve, seen } = await node(t)
  const kubelet = await open()
  const older = await serve('older')
  await kubelet.waitFor(RESOURCE, all56)
  const options = `{ plugin: countingPlugin(56), directory: ${JSON.stringify(directory)}, endpoint: 'alcove-epc' }`
  const child = await inProcess('plugin/serve-plugin.ts', `servePlugin(${options})`, t)
  await older.events.until('superseded')
  await kill(child)
  await older.events.until('registered', 2)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'older' })
  equal(seen.lowest, 56)
})

test('when the kubelet restarts while both live, only the newer registers', async t => {
  const { open, serve } = await node(t)
  const kubelet = await open()
  const older = await serve('older')
  await older.events.until('registered')
  const newer = await serve('newer')
  await newer.events.until('streaming')
  await older.events.until('superseded')
  await kubelet[Symbol.asyncDispose]()
  const next = await open()
  await next.waitFor(RESOURCE, all56)
  await delay(800)
  deepEqual([older.events.count('registered'), newer.server.registrations], [1, 2])
  deepEqual((await next.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'newer' })
})

test('a kubelet up to 1.35 drops the newer instance when the older ends, and has it back at once', async t => {
  const { open, serve, seen } = await node(t)
  const kubelet = await open({ dropsNewest: true })
  const older = await serve('older')
  await kubelet.waitFor(RESOURCE, all56)
  const newer = await serve('newer')
  await newer.events.until('streaming')
  await older.events.until('superseded')
  equal(seen.lowest, 56)
  await older.server[Symbol.asyncDispose]()
  await newer.events.until('registered', 2)
  await newer.events.until('streaming', 2)
  await kubelet.waitFor(RESOURCE, all56)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'newer' })
  await delay(200)
  deepEqual([newer.server.registrations, newer.events.count('stream-ended')], [2, 1])
})

test('a kubelet up to 1.35 keeps its devices when the plugin’s own socket is deleted', async t => {
  const { open, serve, seen } = await node(t)
  const kubelet = await open({ dropsNewest: true })
  const { server, events, plugin } = await serve('one')
  await kubelet.waitFor(RESOURCE, all56)
  await events.until('registered')
  await unlink(server.path)
  await events.until('streaming', 2)
  await events.until('registered', 2)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'one' })
  equal(seen.lowest, 56)
  plugin.replace(healthy(3))
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 3)
})

test('two resources of one process do not disturb each other, nor do their sockets', async t => {
  const { directory, open, serve } = await node(t)
  const kubelet = await open()
  const epc = await serve('epc')
  const plugin = countingPlugin(110, nothing, PROVISION)
  const events = new Events<PluginEvent>()
  const provision = async () =>
    await servePlugin({
      plugin,
      directory,
      endpoint: 'alcove-provision',
      timing,
      onEvent: events.take,
    })
  const first = await provision()
  const all110 = ({ allocatable }: { allocatable: number }): boolean => allocatable === 110
  await Promise.all([kubelet.waitFor(RESOURCE, all56), kubelet.waitFor(PROVISION, all110)])
  await kubelet[Symbol.asyncDispose]()
  const next = await open()
  await Promise.all([next.waitFor(RESOURCE, all56), next.waitFor(PROVISION, all110)])
  await first[Symbol.asyncDispose]()
  await next.waitFor(PROVISION, ({ allocatable }) => allocatable === 0)
  await using _second = await provision()
  await next.waitFor(PROVISION, all110)
  equal(next.resource(RESOURCE).allocatable, 56)
  deepEqual([epc.events.count('registered'), events.count('registered')], [2, 3])
  const trouble = [...epc.events.seen, ...events.seen].filter(({ event }) =>
    /taken|super|error/.test(event),
  )
  deepEqual(trouble, [])
})

test('a stale socket of the other resource is left to its owner', async t => {
  const { directory, open, serve } = await node(t)
  await open()
  const options = `{ plugin: countingPlugin(1, undefined, '${PROVISION}'), directory: ${JSON.stringify(directory)}, endpoint: 'alcove-provision' }`
  await kill(await inProcess('plugin/serve-plugin.ts', `servePlugin(${options})`, t))
  using _third = await barePlugin(join(directory, 'alcove-epc.sock'), healthy(1))
  await serve('epc')
  const names = await readdir(directory)
  equal(names.filter(name => name.startsWith('alcove-provision')).length, 1)
  ok(names.includes('alcove-epc.sock'))
})
