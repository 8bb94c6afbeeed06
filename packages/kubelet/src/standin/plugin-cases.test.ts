import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type BarePlugin, barePlugin, register } from '../../testing/bare-plugin.ts'
import { atOnce, Events, healthy, RESOURCE, scratch } from '../../testing/counting-plugin.ts'
import { inProcess, kill } from '../../testing/in-process.ts'
import { admissionReason } from '../kubelet-error.ts'
import type { Behaviour } from './behaviour.ts'
import { type StandInEvent, startStandInKubelet } from './standin-kubelet.ts'

async function node(t: TestContext, behaviour: Partial<Behaviour> = {}) {
  // Before the directory goes away.
  const parts = new AsyncDisposableStack()
  t.after(() => parts.disposeAsync())
  const directory = await scratch(t)
  const events = new Events<StandInEvent>()
  const kubelet = parts.use(
    await startStandInKubelet({
      directory,
      onEvent: events.take,
      behaviour: { ...atOnce, pick: () => 0, ...behaviour },
    }),
  )
  const spawn = async (plugin = 'countingPlugin(56)'): Promise<ChildProcess> => {
    const options = `{ plugin: ${plugin}, directory: ${JSON.stringify(directory)}, endpoint: 'epc' }`
    const child = await inProcess('plugin/serve-plugin.ts', `servePlugin(${options})`, t)
    parts.defer(() =>
      child.exitCode === null && child.signalCode === null ? kill(child) : undefined,
    )
    return child
  }
  const plug = async (
    options: Parameters<typeof barePlugin>[2] = { allocate: () => ({}) },
    { name = 'p.sock', devices = 4 } = {},
  ): Promise<BarePlugin> => {
    const plugin = await barePlugin(join(directory, name), healthy(devices), options)
    parts.use(plugin)
    await register(kubelet.path, { endpoint: name })
    await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === devices)
    return plugin
  }
  return { directory, events, kubelet, plug, spawn }
}

test('a plugin is asked what it prefers only if its options say so, and is not bound to', async t => {
  const { kubelet, plug } = await node(t)
  const plugin = await plug({
    getPreferredAllocationAvailable: true,
    prefers: ['2', 'none', '3'],
    allocate: () => ({}),
  })
  const held = await kubelet.allocate(RESOURCE, 3)
  deepEqual(held.ids.toSorted(), ['0', '2', '3'])
  deepEqual(plugin.calls, ['prefer 3 of 4', `allocate ${held.ids.join()}`])
})

test('PreStartContainer is called before every start, if the options ask for it', async t => {
  const { kubelet, plug } = await node(t)
  const plugin = await plug({ preStartRequired: true, preStart: 'ok', allocate: () => ({}) })
  const held = await kubelet.allocate(RESOURCE, 1, { container: 'web' })
  await held.restart()
  deepEqual(plugin.calls, ['allocate 0', 'preStart 0', 'preStart 0'])
})

for (const preStart of ['silent', undefined] as const) {
  test(`a PreStartContainer call that ${preStart ? 'is not answered in time' : 'fails'} starts nothing, and is no rejection`, async t => {
    const { kubelet, plug } = await node(t, { preStartMs: 50 })
    const options = { preStartRequired: true, allocate: () => ({}) }
    await plug(preStart === undefined ? options : { ...options, preStart })
    const error = await kubelet.allocate(RESOURCE, 1).catch((caught: unknown) => caught)
    match(String(error), preStart ? /aborted due to timeout/ : /13 INTERNAL: no/)
    ok(error instanceof Error && 'code' in error && error.code === 'ERR_KUBELET_PRE_START')
    equal(admissionReason(error), undefined)
    equal(kubelet.resource(RESOURCE).allocated, 0)
  })
}

test('which device is given is chance', async t => {
  const drawn: number[] = []
  const pick = (below: number): number => {
    drawn.push(below)
    return below - 1
  }
  const { kubelet, plug } = await node(t, { pick })
  await plug()
  deepEqual((await kubelet.allocate(RESOURCE, 3)).ids, ['3', '2', '1'])
  deepEqual(drawn, [4, 3, 2])
})

test('refusals have the names that a pod’s status would show', async t => {
  const { kubelet, plug, events } = await node(t)
  const refusal = (count: number): Promise<unknown> =>
    kubelet.allocate(RESOURCE, count).then(
      () => undefined,
      (error: unknown) => admissionReason(error),
    )
  equal(await refusal(1), `OutOf${RESOURCE}`)
  const plugin = await plug({})
  equal(await refusal(1), 'UnexpectedAdmissionError')
  equal(await refusal(5), `OutOf${RESOURCE}`)
  plugin.send([{ id: '0', healthy: false }])
  await kubelet.waitFor(RESOURCE, ({ capacity }) => capacity === 1)
  equal(await refusal(1), `OutOf${RESOURCE}`)
  plugin.endStreams()
  await events.until('disconnected')
  equal(await refusal(1), 'UnexpectedAdmissionError')
  equal(admissionReason(new Error('other')), undefined)
})

test('two plugins of one resource live beside each other: the newest is asked, each list replaces the other’s', async t => {
  const { kubelet, plug, events } = await node(t)
  const older = await plug({ allocate: () => ({ FROM: 'older' }) })
  const newer = await plug({ allocate: () => ({ FROM: 'newer' }) }, { name: 'q.sock', devices: 9 })
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'newer' })
  older.send(healthy(2))
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 2)
  newer.endStreams()
  await delay(50)
  equal(events.count('disconnected'), 0)
  equal(kubelet.resource(RESOURCE).allocatable, 2)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).allocation.envs, { FROM: 'older' })
  older.endStreams()
  await events.until('disconnected')
  equal(kubelet.resource(RESOURCE).allocatable, 0)
})

test('a socket that is registered twice is refused, its end goes unnoticed, and its name stays refused', async t => {
  const { kubelet, plug, events } = await node(t)
  const plugin = await plug()
  const connected = { code: 2, details: /^device plugin already connected: \/.*\/p\.sock$/ }
  await rejects(register(kubelet.path), connected)
  plugin.endStreams()
  await delay(50)
  equal(events.count('disconnected'), 0)
  equal(kubelet.resource(RESOURCE).allocatable, 4)
  await rejects(register(kubelet.path), connected)
})

test('a plugin whose socket does not answer is refused after the dialling time, in the kubelet’s words', async t => {
  const { kubelet } = await node(t, { dialMs: 50 })
  await rejects(register(kubelet.path), {
    code: 2,
    details: 'failed to dial device plugin: context deadline exceeded',
  })
})

test('a list of 196,608 short ids passes; one of 262,144 kills the stream, and the plugin hears of nothing', async t => {
  const { kubelet, plug, events, directory } = await node(t)
  const passes = await plug({}, { devices: 196_608 })
  equal(kubelet.resource(RESOURCE).allocatable, 196_608)
  const resourceName = 'sgx.intel.com/epc'
  using dies = await barePlugin(join(directory, 'dies.sock'), healthy(262_144))
  await register(kubelet.path, { endpoint: 'dies.sock', resourceName })
  await events.until('disconnected')
  const end = events.seen.find(({ event }) => event === 'disconnected')
  match(JSON.stringify(end), /RESOURCE_EXHAUSTED.*larger than max \(\d+ vs 4194304\)/)
  const nothingOf = { name: resourceName, capacity: 0, allocatable: 0, allocated: 0 }
  deepEqual(kubelet.resource(resourceName), nothingOf)
  deepEqual([...passes.errors, ...dies.errors, ...dies.calls], [])
})

test('a list that grows past 4 MiB leaves the old one, unhealthy', async t => {
  const { kubelet, plug, events } = await node(t)
  const plugin = await plug()
  plugin.send(healthy(262_144))
  await events.until('disconnected')
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 4,
    allocatable: 0,
    allocated: 0,
  })
  deepEqual(plugin.errors, [])
})

test('a plugin that is stopped is noticed by nobody until an Allocate call waits for it; it answers when it goes on', async t => {
  const { kubelet, events, spawn } = await node(t)
  const child = await spawn()
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 56)
  child.kill('SIGSTOP')
  await delay(300)
  equal(events.count('disconnected'), 0)
  equal(kubelet.resource(RESOURCE).allocatable, 56)
  const waiting = kubelet.allocate(RESOURCE, 10)
  equal(await Promise.race([waiting, delay(200, 'waits')]), 'waits')
  child.kill('SIGCONT')
  equal((await waiting).ids.length, 10)
  equal(events.count('disconnected'), 0)
})

test('a stopped plugin that is killed takes its call with it: rejected, the devices free, allocatable 0 at once', async t => {
  const { kubelet, events, spawn } = await node(t)
  const child = await spawn()
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 56)
  child.kill('SIGSTOP')
  const waiting = kubelet.allocate(RESOURCE, 10).catch((error: unknown) => error)
  await delay(50)
  equal(kubelet.resource(RESOURCE).allocated, 10)
  await kill(child)
  const error = await waiting
  match(String(error), /the device plugin did not allocate/)
  equal(admissionReason(error), 'UnexpectedAdmissionError')
  await events.until('disconnected')
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 56,
    allocatable: 0,
    allocated: 0,
  })
})

test('a plugin that is killed between Allocate and its answer: the caller is rejected, and its successor serves', async t => {
  const { kubelet, spawn } = await node(t)
  const child = await spawn(
    `{ ...countingPlugin(4), allocate: () => process.kill(process.pid, 'SIGKILL') }`,
  )
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 4)
  const exited = once(child, 'exit')
  await rejects(kubelet.allocate(RESOURCE, 1), { code: 'ERR_KUBELET_ALLOCATE' })
  await exited
  equal(kubelet.resource(RESOURCE).allocated, 0)
  await spawn()
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 56)
  equal((await kubelet.allocate(RESOURCE, 56)).ids.length, 56)
})

test('who waits for a plugin that does not answer can leave, and the devices are free', async t => {
  const { kubelet, plug } = await node(t)
  await plug({ allocate: 'silent' })
  const leave = new AbortController()
  const waiting = kubelet.allocate(RESOURCE, 1, { signal: leave.signal })
  await delay(20)
  equal(kubelet.resource(RESOURCE).allocated, 1)
  leave.abort()
  await rejects(waiting, { code: 'ERR_KUBELET_ALLOCATE' })
  equal(kubelet.resource(RESOURCE).allocated, 0)
})
