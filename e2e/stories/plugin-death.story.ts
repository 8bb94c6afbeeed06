// What a plugin's own death costs, and the loss of its socket.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { allocatable, getNode } from '../kube/nodes.ts'
import { waitForObject } from '../kube/wait.ts'
import { expectNobodyHurt, Load, outcomeText } from './load.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { registeredAfter } from './plugin-log.ts'
import { killPlugin, restartsOf } from './plugin-pods.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const NODE = 'sgx-a'
const CAPACITY = 56

test('a plugin that is killed comes back; pods admitted without it are rejected and counted, none starts without its device', async context => {
  await using namespace = await openNamespace(api, 'plugin-death')
  await startWitnesses(world, namespace.name, [NODE])
  const before = await restartsOf(world, NODE)
  await using load = new Load(api, namespace.name, { target: NODE, everyMs: 250 })
  await load.nextOnTarget()
  const killed = Date.now()
  await killPlugin(world, NODE)
  const registeredMs = await registeredAfter(world.node(NODE), EPC, killed)
  await load.nextOnTarget()
  await load[Symbol.asyncDispose]()
  context.diagnostic(outcomeText(load.outcome))
  context.diagnostic(`killed to registered again: ${registeredMs} ms`)
  equal(await restartsOf(world, NODE), before + 1)
  deepEqual(load.outcome.withoutDevice, [])
  deepEqual(load.outcome.failed, [])
  for (const line of load.outcome.rejected) ok(line.includes('UnexpectedAdmissionError'), line)
  await expectWitnesses(world, namespace.name, [NODE])
})

const Job = z.object({
  status: z.object({ succeeded: z.number().default(0), failed: z.number().default(0) }),
})

test('a Job replaces the pods that are rejected, and completes', async context => {
  await using namespace = await openNamespace(api, 'plugin-death')
  const jobs = `/apis/batch/v1/namespaces/${namespace.name}/jobs`
  await api.create(jobs, job(8))
  const selector = `${jobs}?fieldSelector=metadata.name%3Dcount`
  await waitForObject(api, selector, Job, ({ status }) => status.succeeded >= 1, {
    what: 'the first of the Job’s pods',
  })
  await killPlugin(world, NODE)
  const { status } = await waitForObject(api, selector, Job, one => one.status.succeeded === 8, {
    what: 'the Job’s completion',
  })
  context.diagnostic(`8 completions, ${status.failed} pods replaced`)
})

function job(completions: number): unknown {
  const { spec } = z
    .object({ spec: z.record(z.string(), z.unknown()) })
    .parse(boxPod({ name: 'x', epcMiB: 2, script: `${HAS_DEVICE}\nsleep 0.5` }))
  return {
    metadata: { name: 'count' },
    spec: {
      completions,
      parallelism: 2,
      backoffLimit: 100,
      template: { spec: { ...spec, nodeSelector: { 'kubernetes.io/hostname': NODE } } },
    },
  }
}

test('a plugin whose socket is deleted is registered again, and nobody notices', async context => {
  await using namespace = await openNamespace(api, 'plugin-death')
  await startWitnesses(world, namespace.name, [NODE])
  await using load = new Load(api, namespace.name, { target: NODE, everyMs: 250 })
  await load.nextOnTarget()
  const deleted = Date.now()
  await world.node(NODE).run('sh', '-c', 'rm /var/lib/kubelet/device-plugins/alcove-epc*')
  const registeredMs = await registeredAfter(world.node(NODE), EPC, deleted)
  await load.nextOnTarget()
  await load[Symbol.asyncDispose]()
  context.diagnostic(outcomeText(load.outcome))
  context.diagnostic(`deleted to registered: ${registeredMs} ms`)
  expectNobodyHurt(load.outcome)
  await expectWitnesses(world, namespace.name, [NODE])
  equal(allocatable(await getNode(api, NODE), EPC), CAPACITY)
})
