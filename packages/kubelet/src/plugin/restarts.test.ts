import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { barePlugin, register } from '../../testing/bare-plugin.ts'
import {
  atOnce,
  countingPlugin,
  Events,
  healthy,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import { inProcess, kill } from '../../testing/in-process.ts'
import { admissionReason } from '../kubelet-error.ts'
import { startStandInKubelet } from '../standin/standin-kubelet.ts'
import type { PluginEvent } from './plugin-event.ts'
import { servePlugin } from './serve-plugin.ts'

/** A kubelet admits its first pod after 665 ms and more; a plugin that needs less than this loses none. */
const IN_TIME_MS = 600
const NODES = 2
const RESTARTS_OF_EACH = 10
const PODS = 5

const all56 = ({ allocatable }: { allocatable: number }): boolean => allocatable === 56

/** Pods from a kubelet's first moment on; they wait like those that a kubelet finds at its start. */
async function restartUnderLoad(
  directory: string,
): Promise<{ backMs: number; rejected: unknown[] }> {
  const rejected: unknown[] = []
  const began = performance.now()
  await using kubelet = await startStandInKubelet({
    directory,
    behaviour: { admitFromMs: IN_TIME_MS },
  })
  const back = kubelet.waitFor(RESOURCE, all56).then(() => performance.now() - began)
  const pods: Promise<void>[] = []
  for (let pod = 0; pod < PODS; pod++) {
    const admission = kubelet.allocate(RESOURCE, 10).then(
      held => held.release(),
      (error: unknown) => void rejected.push(admissionReason(error) ?? error),
    )
    pods.push(admission)
    await delay(10)
  }
  await Promise.all(pods)
  return { backMs: await back, rejected }
}

test(`over ${NODES * RESTARTS_OF_EACH} restarts of the kubelet under a steady load no pod is rejected`, async t => {
  const nodes = Array.from({ length: NODES }, async () => {
    const directory = await scratch(t)
    const plugin = countingPlugin(56)
    await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
    const runs: Awaited<ReturnType<typeof restartUnderLoad>>[] = []
    for (let run = 0; run < RESTARTS_OF_EACH; run++) runs.push(await restartUnderLoad(directory))
    return runs
  })
  const runs = (await Promise.all(nodes)).flat()
  const backMs = runs.map(run => Math.round(run.backMs)).toSorted((a, b) => a - b)
  t.diagnostic(
    `${runs.length} restarts, ${runs.length * PODS} pods; devices back after ${backMs[backMs.length / 2]} ms (median), ${backMs.at(-1)} ms (longest)`,
  )
  deepEqual(
    runs.flatMap(({ rejected }) => rejected),
    [],
  )
})

test('a kubelet that refuses the plugin’s name for ever gets another one', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const plugin = countingPlugin(56)
  const onEvent = events.take
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc', onEvent })
  await kubelet.waitFor(RESOURCE, all56)
  const first = server.path
  const again = register(kubelet.path, { endpoint: first.slice(directory.length + 1) })
  await rejects(again, { details: `device plugin already connected: ${first}` })
  await unlink(first)
  await events.until('registered', 2)
  equal(events.count('register-failed'), 0)
  notEqual(server.path, first)
  equal((await kubelet.allocate(RESOURCE, 56)).ids.length, 56)
})

test('a registration that is refused is made again under another name, and the refused sockets go', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  await using kubelet = await startStandInKubelet({
    directory,
    behaviour: { ...atOnce, dialMs: 1 },
  })
  const plugin = countingPlugin(56)
  const onEvent = events.take
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc', onEvent })
  await Promise.race([events.until('register-failed', 2), events.until('streaming')])
  await kubelet[Symbol.asyncDispose]()
  await using _next = await startStandInKubelet({ directory, behaviour: atOnce })
  await events.until('streaming')
  await delay(50)
  const sockets = (await readdir(directory)).filter(name => name.startsWith('epc'))
  deepEqual(sockets, [server.path.slice(directory.length + 1)])
})

test('a kubelet that is stopped is noticed and let be: when it goes on no stream has ended, nothing is registered anew', async t => {
  const directory = await scratch(t)
  const events = new Events<PluginEvent>()
  const call = `startStandInKubelet({ directory: ${JSON.stringify(directory)} })`
  const kubelet = await inProcess('standin/standin-kubelet.ts', call, t)
  const plugin = countingPlugin(56)
  const onEvent = events.take
  const timing = { pulseMs: 200 }
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc', timing, onEvent })
  await events.until('registered')
  await events.until('streaming')
  equal(server.streaming, true)
  kubelet.kill('SIGSTOP')
  plugin.replace(healthy(40))
  plugin.replace(healthy(30))
  await events.until('kubelet-silent')
  equal(server.streaming, false)
  match(server.lastError ?? '', /does not answer on .*kubelet\.sock: it is stopped, or hangs/)
  await delay(1_000)
  kubelet.kill('SIGCONT')
  await events.until('kubelet-answers')
  equal(server.streaming, true)
  deepEqual([events.count('registered'), events.count('stream-ended')], [1, 0])
  await kill(kubelet)
})

test('a device that falls ill reduces what is allocatable, keeps its holder, and comes back', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const plugin = countingPlugin(4)
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 4)
  const held = await kubelet.allocate(RESOURCE, 4)
  plugin.replace(healthy(4).map(({ id }) => ({ id, healthy: id !== '2' })))
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 3)
  deepEqual(kubelet.resource(RESOURCE), {
    name: RESOURCE,
    capacity: 4,
    allocatable: 3,
    allocated: 4,
  })
  held.release()
  ok(!(await kubelet.allocate(RESOURCE, 3)).ids.includes('2'))
  plugin.replace(healthy(4))
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 4)
  deepEqual((await kubelet.allocate(RESOURCE, 1)).ids, ['2'])
})

test('an update that starts the newer instance first loses no pod', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  let server = await servePlugin({ plugin: countingPlugin(56), directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, all56)
  for (let update = 0; update < 5; update++) {
    const newer = await servePlugin({ plugin: countingPlugin(56), directory, endpoint: 'epc' })
    while (!newer.streaming) {
      ;(await kubelet.allocate(RESOURCE, 1)).release()
    }
    await server[Symbol.asyncDispose]()
    ;(await kubelet.allocate(RESOURCE, 1)).release()
    server = newer
  }
  equal(kubelet.resource(RESOURCE).allocatable, 56)
  await server[Symbol.asyncDispose]()
})

test('the guard says how much too large a list is; without it the plugin would be at 0 and know nothing', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const refused = await servePlugin({
    plugin: countingPlugin(262_144),
    directory,
    endpoint: 'epc',
  }).catch((error: unknown) => String(error))
  match(
    String(refused),
    /a list of 262144 devices is a message of \d+ bytes, and the kubelet receives 4194304/,
  )
  using bypassed = await barePlugin(join(directory, 'p.sock'), healthy(262_144))
  await register(kubelet.path)
  await delay(300)
  deepEqual([kubelet.resource(RESOURCE).capacity, bypassed.errors.length], [0, 0])
})
