// A Deployment of pods with EPC follows its CPU load, over both nodes that have EPC.
import { deepEqual, equal } from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { isRunning, listPods, podsPath, waitForPod } from '../kube/pods.ts'
import { waitForObject } from '../kube/wait.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { openMetricsServer } from './metrics-server.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const SGX_NODES = ['sgx-a', 'sgx-b']
/** Of each replica: one fits on sgx-a, and beside the pod of somebody else two on sgx-b. */
const EPC_MIB = 50
/** The load of all replicas at once: there is a file on the node, or not. A node forgets it when it boots. */
const SWITCH = '/run/alcove-e2e-load'
const FOLLOW = `${HAS_DEVICE}
while true; do
  if [ -e /load/on ]; then i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done
  else sleep 1; fi
done`
/** Reading CPU takes metrics-server two rounds of 10 s, and the autoscaler looks every 5 s. */
const SCALE_MS = 240_000

const Deployment = z.object({
  status: z.object({ replicas: z.number().default(0), readyReplicas: z.number().default(0) }),
})
const Autoscaler = z.object({
  status: z
    .object({
      currentMetrics: z
        .array(
          z.object({
            resource: z
              .object({ current: z.object({ averageUtilization: z.number().default(0) }) })
              .optional(),
          }),
        )
        .nullish(),
    })
    .default({}),
})

test('a Deployment of EPC pods scales by CPU from 1 to 3 over both nodes, and back to 1', async context => {
  await using namespace = await openNamespace(api, 'autoscaling')
  await using _ = await openMetricsServer(world, [...SGX_NODES, 'plain'])
  await switchLoad(false)
  await startNeighbour(namespace.name)
  await api.create(`/apis/apps/v1/namespaces/${namespace.name}/deployments`, deployment())
  await replicas(namespace.name, 1)
  const scalers = `/apis/autoscaling/v2/namespaces/${namespace.name}/horizontalpodautoscalers`
  await api.create(scalers, autoscaler())
  const what = 'the autoscaler to know the CPU of an idle pod'
  await waitForObject(api, scalers, Autoscaler, isMeasured, { what, timeoutMs: SCALE_MS })

  const loadedAt = Date.now()
  await switchLoad(true)
  await replicas(namespace.name, 3)
  const upMs = Date.now() - loadedAt
  deepEqual(await nodesOfReplicas(namespace.name), ['sgx-a', 'sgx-b', 'sgx-b'])
  equal(await freeEpcMiB(api, 'sgx-b'), 0)

  const idleAt = Date.now()
  await switchLoad(false)
  await replicas(namespace.name, 1)
  context.diagnostic(`load on to 3 ready: ${upMs} ms; load off to 1: ${Date.now() - idleAt} ms`)
})

after(() => switchLoad(false))

/** Takes all of sgx-b's EPC but what two replicas need: too much for sgx-a, so that it is placed there without saying so. */
async function startNeighbour(namespace: string): Promise<void> {
  const epcMiB = (await freeEpcMiB(api, 'sgx-b')) - 2 * EPC_MIB
  const script = 'sleep 3600'
  await api.create(podsPath(namespace), boxPod({ name: 'neighbour', epcMiB, script }))
  const what = 'the neighbour to run'
  const { spec } = await waitForPod(api, namespace, 'neighbour', isRunning, { what })
  equal(spec.nodeName, 'sgx-b')
}

/** Waits until there are that many replicas, and all are ready. */
async function replicas(namespace: string, count: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const there = ({ status }: z.infer<typeof Deployment>): boolean =>
    status.replicas === count && status.readyReplicas === count
  const what = `${count} replicas`
  await waitForObject(api, path, Deployment, there, { what, timeoutMs: SCALE_MS })
}

async function nodesOfReplicas(namespace: string): Promise<readonly string[]> {
  const pods = await listPods(api, namespace, 'app=enclaves')
  return pods.map(({ spec }) => spec.nodeName ?? 'nowhere').toSorted()
}

async function switchLoad(on: boolean): Promise<void> {
  for (const name of SGX_NODES) {
    const node = world.node(name)
    await node.run('mkdir', '-p', SWITCH)
    await node.run(on ? 'touch' : 'rm', ...(on ? [] : ['-f']), `${SWITCH}/on`)
  }
}

function isMeasured({ status }: z.infer<typeof Autoscaler>): boolean {
  return status.currentMetrics?.some(({ resource }) => resource !== undefined) ?? false
}

function deployment(): unknown {
  const labels = { app: 'enclaves' }
  const pod = z.object({ spec: z.record(z.string(), z.unknown()) }).parse(
    boxPod({
      name: 'enclaves',
      epcMiB: EPC_MIB,
      // At most this much of one core, however many replicas burn.
      limits: { cpu: '100m' },
      script: FOLLOW,
      volumes: [{ name: 'load', hostPath: { path: SWITCH, type: 'Directory' } }],
      volumeMounts: [{ name: 'load', mountPath: '/load', readOnly: true }],
    }),
  )
  const spec = { ...pod.spec, restartPolicy: 'Always' }
  return {
    metadata: { name: 'enclaves' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  }
}

/**
 * 20 % of the 100m that a pod asks for. The autoscaler asks for 3 from 40m on, less than half of what a loaded pod takes, so
 * that it does so on a busy machine; and for 1 below 7m of each of the three: idle ones take 1m to 2m.
 */
function autoscaler(): unknown {
  const target = { type: 'Utilization', averageUtilization: 20 }
  return {
    metadata: { name: 'enclaves' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'enclaves' },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  }
}
