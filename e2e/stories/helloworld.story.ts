// Azure's first program, as people have it.
import { equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { listPods } from '../kube/pods.ts'
import { waitForObject } from '../kube/wait.ts'
import { applied, manifest } from './manifests.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world

const Job = z.object({
  status: z
    .object({
      succeeded: z.number().default(0),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
    })
    .default({ succeeded: 0, conditions: [] }),
})
type Job = z.infer<typeof Job>

test('Azure’s helloworld Job, unmodified but for the image, runs, prints and completes', async context => {
  const started = Date.now()
  await using _ = await applied(world, await manifest('e2e/manifests/helloworld.yaml'))
  const jobs = '/apis/batch/v1/namespaces/default/jobs?fieldSelector=metadata.name%3Doe-helloworld'
  const job = await waitForObject(api, jobs, Job, job => is(job, 'Complete') || is(job, 'Failed'), {
    what: 'the end of the Job',
  })
  const took = Date.now() - started
  const log = await world.kubectl(['logs', '--namespace=default', '--selector=app=oe-helloworld'])
  ok(is(job, 'Complete'), `${JSON.stringify(job)}\n${log}`)
  equal(job.status.succeeded, 1)
  match(log, /^Hello from inside an enclave\nI am [0-9a-f]{64}\n$/)
  const pods = await listPods(api, 'default', 'app=oe-helloworld')
  equal(pods.length, 1)
  const node = pods[0]?.spec.nodeName ?? ''
  ok(['sgx-a', 'sgx-b'].includes(node), `it ran on ${node}`)
  context.diagnostic(`applied to complete: ${took} ms, on ${node}`)
})

function is({ status }: Job, condition: string): boolean {
  return status.conditions.some(({ type, status: value }) => type === condition && value === 'True')
}
