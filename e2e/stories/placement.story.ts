// Who lands where, on a cluster with two nodes that have SGX and one that has none.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { allocatable, getNode, type Node, waitForNode } from '../kube/nodes.ts'
import { isRunning, listPods, podsPath, waitForPod } from '../kube/pods.ts'
import { waitForObject } from '../kube/wait.ts'
import { EPC, PROVISION, SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const { api } = openWorld()
const namespace = await openNamespace(api, 'placement')
after(() => namespace[Symbol.asyncDispose]())
const SGX_NODES = ['sgx-a', 'sgx-b']
const ALL_NODES = ['plain', ...SGX_NODES]
const STAY = 'sleep 3600'

const DaemonSet = z.object({
  metadata: z.object({ name: z.string(), generation: z.number() }),
  spec: z.object({ selector: z.object({ matchLabels: z.record(z.string(), z.string()) }) }),
  status: z.object({
    observedGeneration: z.number().default(0),
    desiredNumberScheduled: z.number(),
    numberReady: z.number(),
    numberMisscheduled: z.number(),
  }),
})
type DaemonSet = z.infer<typeof DaemonSet>

test('pods that ask for EPC land only where it is, without a selector or toleration of their own', async () => {
  const names = Array.from({ length: 6 }, (_, index) => `epc-${index}`)
  for (const name of names) {
    await api.create(podsPath(namespace.name), boxPod({ name, epcMiB: 10, script: STAY }))
  }
  for (const name of names) {
    const what = `${name} to run`
    const { spec } = await waitForPod(api, namespace.name, name, isRunning, { what })
    ok(SGX_NODES.includes(spec.nodeName ?? ''), `${name} is on ${spec.nodeName}`)
  }
})

test('ordinary pods run everywhere, nodes with SGX included', async () => {
  const path = `/apis/apps/v1/namespaces/${namespace.name}/daemonsets`
  await api.create(path, ordinaryDaemonSet())
  const everywhere = ({ status }: DaemonSet): boolean => status.numberReady === ALL_NODES.length
  const what = 'an ordinary pod on every node'
  await waitForObject(api, path, DaemonSet, everywhere, { what })
  deepEqual(await nodesOf(namespace.name, 'app=ordinary'), ALL_NODES)
})

test('Alcove’s own pods are only where SGX is', async () => {
  const path = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}/daemonsets`
  const { items } = z.object({ items: z.array(DaemonSet) }).parse(await api.get(path))
  const names = items.map(({ metadata }) => metadata.name).toSorted()
  deepEqual(names, ['alcove-device-plugin', 'alcove-quote-helper', 'alcove-simulator'])
  for (const { metadata, spec } of items) {
    const { name } = metadata
    const one = `${path}?fieldSelector=metadata.name%3D${name}`
    const what = `${name} to be wanted and ready on ${SGX_NODES.length} nodes`
    const { status } = await waitForObject(api, one, DaemonSet, isSettled, { what })
    equal(status.numberMisscheduled, 0, name)
    const labels = Object.entries(spec.selector.matchLabels).map(
      ([key, value]) => `${key}=${value}`,
    )
    deepEqual(await nodesOf(SYSTEM_NAMESPACE, labels.join(',')), SGX_NODES, name)
  }
})

test('a node offers the EPC that it has; one without SGX has no such resource, not even 0 of it', async () => {
  for (const [name, epcMiB] of Object.entries({ 'sgx-a': 56, 'sgx-b': 168 })) {
    const all = (node: Node): boolean => allocatable(node, EPC) === epcMiB
    const node = await waitForNode(api, name, all, { what: `${epcMiB} MiB of EPC on ${name}` })
    equal(node.status.capacity[EPC], String(epcMiB), name)
    ok(allocatable(node, PROVISION) > 0, name)
  }
  const { status } = await getNode(api, 'plain')
  const resources = [...Object.keys(status.capacity), ...Object.keys(status.allocatable)]
  deepEqual(
    resources.filter(resource => /sgx|alcove/i.test(resource)),
    [],
  )
})

function isSettled({ metadata, status }: DaemonSet): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    status.desiredNumberScheduled === SGX_NODES.length &&
    status.numberReady === SGX_NODES.length
  )
}

async function nodesOf(namespace: string, selector: string): Promise<readonly string[]> {
  const pods = await listPods(api, namespace, selector)
  return pods.map(({ spec }) => spec.nodeName ?? 'nowhere').toSorted()
}

function ordinaryDaemonSet(): unknown {
  const labels = { app: 'ordinary' }
  const pod = z
    .object({ spec: z.record(z.string(), z.unknown()) })
    .parse(boxPod({ name: 'ordinary', script: STAY }))
  const spec = { ...pod.spec, restartPolicy: 'Always' }
  return {
    metadata: { name: 'ordinary' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  }
}
