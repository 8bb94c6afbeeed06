// Kubelet restarts while pods come and go. `npm run e2e -- restarts --times 100` for the figures that the documents state.
import { test } from 'node:test'
import { AllocatableWatch } from './allocatable-watch.ts'
import { spread } from './figures.ts'
import { restartKubelet } from './kubelet-state.ts'
import { expectNobodyHurt, Load, outcomeText } from './load.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { registeredAfter } from './plugin-log.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const times = world.times ?? 10
const CREATE_EVERY_MS = 500
/**
 * The goal is none. A kubelet that is starved of CPU admits its first pods 100 ms after its socket is there, and 13 of 1,800 pods were
 * rejected in 100 restarts on two cores that other work kept busy: at most one in five restarts is held here.
 */
const MOST_REJECTED = Math.floor(times / 5)

const sgxNodes = [
  { node: world.node('sgx-a'), epcMiB: 56 },
  { node: world.node('sgx-b'), epcMiB: 168 },
]
const names = sgxNodes.map(({ node }) => node.name)

test(`${times} kubelet restarts under load: EPC pods are admitted, none starts without its device, none that runs is lost`, async context => {
  await using namespace = await openNamespace(api, 'restarts')
  await startWitnesses(world, namespace.name, names)
  const watches = sgxNodes.map(({ node }) => new AllocatableWatch(api, node.name, EPC))
  await using load = new Load(api, namespace.name, { target: 'sgx-a', everyMs: CREATE_EVERY_MS })
  const registeredMs: number[] = []
  for (let turn = 0; turn < times; turn++) {
    const { node } = sgxNodes[turn % sgxNodes.length] ?? { node: world.node('sgx-a') }
    load.target = node.name
    const born = await restartKubelet(node)
    await load.nextOnTarget()
    registeredMs.push(await registeredAfter(node, EPC, born))
  }
  await load[Symbol.asyncDispose]()
  for (const watch of watches) await watch[Symbol.asyncDispose]()
  const dips = sgxNodes.flatMap(({ epcMiB }, index) => watches[index]?.dips(epcMiB) ?? [])
  context.diagnostic(outcomeText(load.outcome))
  context.diagnostic(`kubelet.sock there to registered, ms: ${spread(registeredMs)}`)
  context.diagnostic(`dips of allocatable at the API server: ${dips.length}, ms: ${spread(dips)}`)
  expectNobodyHurt(load.outcome, MOST_REJECTED)
  await expectWitnesses(world, namespace.name, names)
})
