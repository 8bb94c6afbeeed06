import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { barePlugin, register } from '../../testing/bare-plugin.ts'
import { atOnce, Events, healthy, RESOURCE, scratch } from '../../testing/counting-plugin.ts'
import { KUBELET_CHECKPOINT, parseRegistered } from '../kubelet-checkpoint.ts'
import type { Behaviour } from './behaviour.ts'
import { CHECKPOINT_FILE } from './checkpoint-file.ts'
import { type StandInEvent, type StandInKubelet, startStandInKubelet } from './standin-kubelet.ts'

const four = ({ allocatable }: { allocatable: number }): boolean => allocatable === 4

/** Two lives of a stand-in in one directory, and a plugin that counts its calls. */
async function node(t: TestContext) {
  const directory = await scratch(t)
  const path = join(directory, 'p.sock')
  const answer = { allocate: (ids: readonly string[]) => ({ IDS: ids.join() }) }
  const open = async (behaviour: Partial<Behaviour> = {}, events = new Events<StandInEvent>()) =>
    await startStandInKubelet({
      directory,
      onEvent: events.take,
      behaviour: { ...atOnce, pick: () => 0, ...behaviour },
    })
  const plug = async (kubelet: StandInKubelet) => {
    const plugin = await barePlugin(path, healthy(4), answer)
    await register(kubelet.path)
    await kubelet.waitFor(RESOURCE, four)
    return plugin
  }
  return { directory, open, plug }
}

const zero = { name: RESOURCE, capacity: 0, allocatable: 0, allocated: 0 }

test('after a restart a resource is 0 until its plugin reports, and holders keep their devices', async t => {
  const { open, plug } = await node(t)
  {
    await using kubelet = await open()
    using _plugin = await plug(kubelet)
    const held = await kubelet.allocate(RESOURCE, 2, { container: 'web' })
    deepEqual(held.allocation.envs, { IDS: held.ids.join() })
    await kubelet.allocate(RESOURCE, 1)
  }
  const events = new Events<StandInEvent>()
  await using kubelet = await open({}, events)
  deepEqual(events.seen[0], {
    event: 'checkpoint-restored',
    resources: [RESOURCE],
    allocations: 1,
    dropped: 1,
  })
  deepEqual(kubelet.resources(), [{ ...zero, allocated: 2 }])
  deepEqual(kubelet.containers(), [{ container: 'web', resource: RESOURCE, ids: ['0', '3'] }])
  using _plugin = await plug(kubelet)
  const { ids } = await kubelet.allocate(RESOURCE, 2)
  deepEqual(ids.toSorted(), ['1', '2'])
})

test('a pod that asks before the plugin has reported is rejected; one that comes back gets its devices again, without a call', async t => {
  const { open, plug } = await node(t)
  let before: readonly string[]
  {
    await using kubelet = await open()
    using _plugin = await plug(kubelet)
    before = (await kubelet.allocate(RESOURCE, 2, { container: 'web' })).ids
  }
  await using kubelet = await open()
  const code = 'ERR_KUBELET_UNEXPECTED_ADMISSION'
  const why = `no healthy devices present; cannot allocate unhealthy devices ${RESOURCE}`
  await rejects(kubelet.allocate(RESOURCE, 1), { code, why, resource: RESOURCE })
  await rejects(kubelet.allocate(RESOURCE, 2, { container: 'web' }), { code, why })
  using plugin = await plug(kubelet)
  const again = await kubelet.allocate(RESOURCE, 2, { container: 'web' })
  deepEqual(again.ids, before)
  deepEqual(again.allocation.envs, { IDS: before.join() })
  deepEqual(await again.restart(), again.allocation)
  deepEqual(plugin.calls, [])
  await rejects(kubelet.allocate(RESOURCE, 3, { container: 'web' }), {
    code,
    why: /changed request for resource ".*" from 2 to 3/,
  })
  again.release()
  equal(kubelet.resource(RESOURCE).allocated, 0)
})

test('a container whose device has become unhealthy is not admitted again, but restarts as long as nobody restarts the stand-in', async t => {
  const { open, plug } = await node(t)
  await using kubelet = await open()
  using plugin = await plug(kubelet)
  const held = await kubelet.allocate(RESOURCE, 1, { container: 'web' })
  plugin.send([{ id: '0', healthy: false }, ...healthy(4).slice(1)])
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 3)
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 4,
    allocatable: 3,
    allocated: 1,
  })
  deepEqual((await held.restart()).envs, { IDS: '0' })
  await rejects(kubelet.allocate(RESOURCE, 1, { container: 'web' }), {
    code: 'ERR_KUBELET_UNEXPECTED_ADMISSION',
    why: `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${RESOURCE}`,
  })
  plugin.send(healthy(4))
  await kubelet.waitFor(RESOURCE, four)
  deepEqual((await kubelet.allocate(RESOURCE, 1, { container: 'web' })).ids, ['0'])
})

test('what a container holds can be given up for it', async t => {
  const { open, plug } = await node(t)
  {
    await using kubelet = await open()
    using _plugin = await plug(kubelet)
    await kubelet.allocate(RESOURCE, 4, { container: 'web' })
  }
  {
    await using kubelet = await open()
    kubelet.discard('web')
    equal(kubelet.resource(RESOURCE).allocated, 0)
    using _plugin = await plug(kubelet)
    equal((await kubelet.allocate(RESOURCE, 4)).ids.length, 4)
  }
  await using kubelet = await open()
  deepEqual(kubelet.containers(), [])
})

test('a restart deletes sockets and keeps the checkpoint, which only its owner can read', async t => {
  const { directory, open, plug } = await node(t)
  {
    await using kubelet = await open()
    using _plugin = await plug(kubelet)
    await kubelet.allocate(RESOURCE, 1, { container: 'web' })
  }
  const text = await readFile(join(directory, CHECKPOINT_FILE), 'utf8')
  await using _kubelet = await open()
  deepEqual((await readdir(directory)).toSorted(), [
    'kubelet.sock',
    KUBELET_CHECKPOINT,
    CHECKPOINT_FILE,
  ])
  equal(await readFile(join(directory, CHECKPOINT_FILE), 'utf8'), text)
})

test('which devices are registered is also written as the kubelet writes it, unless the file is a kubelet’s own', async t => {
  const { directory, open, plug } = await node(t)
  const path = join(directory, KUBELET_CHECKPOINT)
  const written = async (): Promise<string> => await readFile(path, 'utf8')
  {
    await using kubelet = await open()
    using _plugin = await plug(kubelet)
    await kubelet.allocate(RESOURCE, 1)
    deepEqual(parseRegistered(await written(), RESOURCE), ['0', '1', '2', '3'])
  }
  const kubelets = '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":1}'
  await writeFile(path, kubelets)
  await using kubelet = await open()
  using _plugin = await plug(kubelet)
  await kubelet.allocate(RESOURCE, 1)
  equal(await written(), kubelets)
})

test('a checkpoint that cannot be read is set aside with an event, and nothing is known of before', async t => {
  const { directory, open, plug } = await node(t)
  const path = join(directory, CHECKPOINT_FILE)
  const events = new Events<StandInEvent>()
  await writeFile(path, '{"version":1,"sha')
  await using kubelet = await open({}, events)
  const event = events.seen[0]
  ok(event?.event === 'checkpoint-unreadable')
  equal(event.path, `${path}.unreadable`)
  match(event.reason, /checkpoint: not JSON/)
  equal(await readFile(event.path, 'utf8'), '{"version":1,"sha')
  deepEqual(kubelet.resources(), [])
  using _plugin = await plug(kubelet)
  equal((await kubelet.allocate(RESOURCE, 4)).ids.length, 4)
})

/** A clock that a test moves. */
function handClock() {
  const due = new Set<{ readonly ms: number; readonly action: () => void }>()
  const after: Behaviour['after'] = (ms, action) => {
    const one = { ms, action }
    due.add(one)
    return () => due.delete(one)
  }
  return {
    after,
    waits: () => [...due].map(({ ms }) => ms),
    strike: () => {
      for (const { action } of due) action()
    },
  }
}

test('a plugin that is away for 5 minutes: capacity without allocatable until then, 0 from then on', async t => {
  const { open, plug } = await node(t)
  const clock = handClock()
  const events = new Events<StandInEvent>()
  await using kubelet = await open({ after: clock.after }, events)
  const plugin = await plug(kubelet)
  const held = await kubelet.allocate(RESOURCE, 1, { container: 'web' })
  plugin.endStreams()
  await events.until('disconnected')
  plugin[Symbol.dispose]()
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 4,
    allocatable: 0,
    allocated: 1,
  })
  deepEqual(clock.waits(), [300_000])
  deepEqual((await held.restart()).envs, { IDS: '0' })
  clock.strike()
  equal(events.count('forgotten'), 1)
  deepEqual(kubelet.resources(), [{ ...zero, allocated: 1 }])
  await rejects(kubelet.allocate(RESOURCE, 1), { code: 'ERR_KUBELET_INSUFFICIENT', allocatable: 0 })
  await rejects(held.restart(), {
    code: 'ERR_KUBELET_PRE_START',
    message: `endpoint not found in cache for a registered resource: ${RESOURCE}`,
  })
})

test('the 5 minutes end when the plugin comes back, and begin at a restart of the stand-in', async t => {
  const { open, plug } = await node(t)
  const clock = handClock()
  {
    await using kubelet = await open({ after: clock.after })
    const events = new Events<StandInEvent>()
    const plugin = await plug(kubelet)
    plugin.endStreams()
    await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 0)
    plugin[Symbol.dispose]()
    using _plugin = await plug(kubelet)
    deepEqual(clock.waits(), [])
    equal(events.count('forgotten'), 0)
  }
  await using kubelet = await open({ after: clock.after })
  deepEqual(clock.waits(), [300_000])
  clock.strike()
  deepEqual(kubelet.resources(), [zero])
})

test('nothing is admitted before its time, and what asks earlier waits', async t => {
  const { open, plug } = await node(t)
  const clock = handClock()
  await using kubelet = await open({ after: clock.after, admitFromMs: 843 })
  deepEqual(clock.waits(), [843])
  using plugin = await plug(kubelet)
  const waiting = kubelet.allocate(RESOURCE, 1)
  await rejects(kubelet.allocate(RESOURCE, 1, { signal: AbortSignal.timeout(20) }), {
    name: 'TimeoutError',
  })
  deepEqual(plugin.calls, [])
  clock.strike()
  deepEqual((await waiting).ids, ['0'])
})

test('who waits for admission when the stand-in ends is told so', async t => {
  const { open } = await node(t)
  const kubelet = await open({ after: handClock().after, admitFromMs: 843 })
  const waiting = rejects(kubelet.allocate(RESOURCE, 1), { code: 'ERR_KUBELET_ABSENT' })
  await kubelet[Symbol.asyncDispose]()
  await waiting
})
