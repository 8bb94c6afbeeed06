// A node loses its power and boots again.
import { deepEqual, notEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { allocatable, getNode, isReady, waitForNode } from '../kube/nodes.ts'
import { isRunning, listPods } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, DEVICE_REFUSED, HAS_DEVICE, NO_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const NODE = 'sgx-b'
const CAPACITY = 168
const REPLICAS = 3

test('a node that reboots offers its EPC again, and its pods come back with their device, never without', async context => {
  await using namespace = await openNamespace(api, 'reboot')
  const deployments = `/apis/apps/v1/namespaces/${namespace.name}/deployments`
  await api.create(deployments, deployment())
  await running(namespace.name)
  const before = await getNode(api, NODE)
  const started = Date.now()
  await world.node(NODE).reboot()
  const after = await waitForNode(
    api,
    NODE,
    node => node.status.nodeInfo.bootID !== before.status.nodeInfo.bootID && isReady(node),
    { what: 'the node after its reboot' },
  )
  notEqual(after.status.nodeInfo.bootID, before.status.nodeInfo.bootID)
  const readyMs = Date.now() - started
  await waitForNode(api, NODE, node => allocatable(node, EPC) === CAPACITY, { what: 'its EPC' })
  const allocatableMs = Date.now() - started
  await running(namespace.name)
  context.diagnostic(
    `plug pulled to Ready ${readyMs} ms, to allocatable ${allocatableMs} ms, to all pods running ${Date.now() - started} ms`,
  )
  const pods = await listPods(api, namespace.name)
  const exits = pods.flatMap(({ status }) =>
    status.containerStatuses.flatMap(({ state, lastState }) => [
      state.terminated?.exitCode,
      lastState.terminated?.exitCode,
    ]),
  )
  deepEqual(
    exits.filter(code => code === NO_DEVICE || code === DEVICE_REFUSED),
    [],
  )
  const replaced = pods.filter(({ status }) => status.phase === 'Failed')
  context.diagnostic(`${replaced.length} pods replaced: ${replaced[0]?.status.reason ?? ''}`)
  ok(pods.filter(isRunning).length >= REPLICAS)
})

async function running(namespace: string): Promise<void> {
  await waitUntil(
    async () => {
      const pods = await listPods(api, namespace)
      return pods.filter(isRunning).length === REPLICAS ? true : undefined
    },
    { what: `${REPLICAS} pods running` },
  )
}

function deployment(): unknown {
  const { spec } = z
    .object({ spec: z.record(z.string(), z.unknown()) })
    .parse(boxPod({ name: 'x', epcMiB: 20, script: `${HAS_DEVICE}\nexec sleep 100000` }))
  const labels = { app: 'held' }
  return {
    metadata: { name: 'held' },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...spec,
          restartPolicy: 'Always',
          nodeSelector: { 'kubernetes.io/hostname': NODE },
        },
      },
    },
  }
}
