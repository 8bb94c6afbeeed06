import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import {
  atOnce,
  countingPlugin,
  healthy,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import type { Device } from '../device-plugin.ts'
import { type StandInKubelet, startStandInKubelet } from '../standin/standin-kubelet.ts'
import { servePlugin } from './serve-plugin.ts'

/** `count` devices, every other one on NUMA node 1. */
const onTwoNodes = (count: number): Device[] =>
  healthy(count).map((device, index) => ({ ...device, numaNode: index % 2 }))

/** The nodes that the next container's devices are on; the devices are given back. */
async function nodesOf(kubelet: StandInKubelet, count: number): Promise<number[]> {
  const held = await kubelet.allocate(RESOURCE, count)
  held.release()
  return [...new Set(held.ids.map(id => Number(id) % 2))]
}

test('where the devices are on two NUMA nodes, a container that fits into one gets devices of one', async t => {
  const directory = await scratch(t)
  await using kubelet = await startStandInKubelet({ directory, behaviour: atOnce })
  const plugin = countingPlugin(0)
  plugin.replace(onTwoNodes(40))
  await using _server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 40)
  for (let pod = 0; pod < 5; pod++) equal((await nodesOf(kubelet, 20)).length, 1)
  deepEqual((await nodesOf(kubelet, 21)).length, 2)
})

test('a second NUMA node that turns up later is taken into account, and allocatable does not dip for it', async t => {
  const directory = await scratch(t)
  let lowest = Number.POSITIVE_INFINITY
  await using kubelet = await startStandInKubelet({
    directory,
    behaviour: atOnce,
    onEvent: event => {
      if (event.event === 'resource') lowest = Math.min(lowest, event.status.allocatable)
    },
  })
  const plugin = countingPlugin(20)
  await using server = await servePlugin({ plugin, directory, endpoint: 'epc' })
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 20)
  const { path } = server
  plugin.replace(onTwoNodes(40))
  await kubelet.waitFor(RESOURCE, () => server.path !== path && server.streaming)
  for (let pod = 0; pod < 5; pod++) equal((await nodesOf(kubelet, 20)).length, 1)
  equal(lowest, 20)
})
