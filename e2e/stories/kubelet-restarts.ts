import { deepEqual } from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { AllocatableWatch } from './allocatable-watch.ts'
import { spread } from './figures.ts'
import { denialsAfter } from './kubelet-log.ts'
import { restartKubelet } from './kubelet-state.ts'
import { expectNobodyHurt, Load, outcomeText } from './load.ts'
import { openNamespace } from './namespace.ts'
import { registeredAfter } from './plugin-log.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import type { World } from './world.ts'

const CREATE_EVERY_MS = 500

/** Kubelets of two nodes restart in turn while pods come and go, and nobody is hurt. */
export async function kubeletRestarts(
  context: TestContext,
  world: World,
  options: {
    readonly times: number
    /** Whose registration is waited for and measured. */
    readonly registered: string
    /** Whose figure at the API server is watched, and what it is on each node. */
    readonly watched: string
    readonly allocatable: Readonly<Record<string, number>>
  },
): Promise<void> {
  const { times, registered, watched, allocatable } = options
  const { api } = world
  const names = Object.keys(allocatable)
  await using namespace = await openNamespace(api, 'restarts')
  await startWitnesses(world, namespace.name, names)
  const watches = names.map(name => new AllocatableWatch(api, name, watched))
  await using load = new Load(api, namespace.name, { target: 'sgx-a', everyMs: CREATE_EVERY_MS })
  const turns: Turn[] = []
  for (let turn = 0; turn < times; turn++) {
    const node = world.node(names[turn % names.length] ?? '')
    load.target = node.name
    const born = await restartKubelet(node)
    await load.nextOnTarget()
    const registeredMs = await registeredAfter(node, registered, born)
    turns.push({ registeredMs, deniedMs: await denialsAfter(node, born) })
  }
  await load[Symbol.asyncDispose]()
  for (const watch of watches) await watch[Symbol.asyncDispose]()
  const dips = names.flatMap((name, index) => watches[index]?.dips(allocatable[name] ?? 0) ?? [])
  context.diagnostic(outcomeText(load.outcome))
  const late = turns.filter(({ registeredMs }) => registeredMs > IN_TIME_MS)
  const allMs = turns.map(({ registeredMs }) => registeredMs)
  context.diagnostic(`kubelet.sock there to registered, ms: ${spread(allMs)}; ${late.length} late`)
  context.diagnostic(`dips of allocatable at the API server: ${dips.length}, ms: ${spread(dips)}`)
  deepEqual(
    allMs.filter(ms => ms > LATEST_MS),
    [],
    'registrations that no lack of CPU explains',
  )
  const early = turns.filter(({ deniedMs }) => deniedMs.some(ms => ms <= IN_TIME_MS))
  context.diagnostic(
    `restarts after which the kubelet denied its first pods within ${IN_TIME_MS} ms of its socket: ${early.length}, first denied after ms: ${spread(early.map(({ deniedMs }) => Math.min(...deniedMs)))}`,
  )
  const excused = [...new Set([...late, ...early])].flatMap(({ deniedMs }) => deniedMs).length
  expectNobodyHurt(load.outcome, excused)
  await expectWitnesses(world, namespace.name, names)
}

/** What became of one restart. */
interface Turn {
  readonly registeredMs: number
  /** When the new kubelet denied pods, after its socket was there. */
  readonly deniedMs: readonly number[]
}

/**
 * Registered by then, nobody is rejected: that is what is held here. A kubelet admits its first pods 0.7 s after its socket is there; one that
 * is starved of CPU has been given them before it opens the socket, and denies them 20 to 40 ms after that, before it has read any plugin's
 * Register. No plugin is in time for that, and one that is starved with it may be later than 0.1 s: what is rejected in these two cases is
 * counted and told.
 */
const IN_TIME_MS = 100
/** With twenty programs waiting for two cores it was 0.4 s; a plugin that waits for a time of its own is beyond this. */
const LATEST_MS = 1_000
