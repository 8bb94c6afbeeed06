// EPC is a resource like any other: it fills, it waits, and an administrator can portion it out.
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  deletePod,
  hasEnded,
  isRunning,
  type Pod,
  podsPath,
  unschedulable,
  waitForPod,
} from '../kube/pods.ts'
import { waitForObject, waitUntil } from '../kube/wait.ts'
import { freeEpcMiB } from './epc-accounts.ts'
import { EPC } from './names.ts'
import { openNamespace } from './namespace.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world

/** Holds its EPC until somebody makes /end in it. */
const UNTIL_TOLD = `${HAS_DEVICE}\nuntil [ -e /end ]; do sleep 0.2; done`

test('requests up to exactly the capacity of both nodes run, the next waits, and starts when one ends', async context => {
  await using namespace = await openNamespace(api, 'epc-fills')
  const create = async (name: string, epcMiB: number): Promise<void> => {
    await api.create(podsPath(namespace.name), boxPod({ name, epcMiB, script: UNTIL_TOLD }))
  }
  const runs = async (name: string): Promise<string | undefined> => {
    const what = `${name} to run`
    return (await waitForPod(api, namespace.name, name, isRunning, { what })).spec.nodeName
  }
  const freeA = await freeEpcMiB(api, 'sgx-a')
  const freeB = await freeEpcMiB(api, 'sgx-b')
  // The first two fit nowhere but on sgx-b, and leave nothing there; so the third fits on sgx-a alone.
  const sizes = { first: freeA + 1, second: freeB - freeA - 1, third: freeA }
  for (const [name, epcMiB] of Object.entries(sizes)) {
    await create(name, epcMiB)
    equal(await runs(name), name === 'third' ? 'sgx-a' : 'sgx-b', name)
  }
  for (const node of ['sgx-a', 'sgx-b']) equal(await freeEpcMiB(api, node), 0, node)
  await create('next', 1)
  const isWaiting = (pod: Pod): boolean => unschedulable(pod) !== undefined
  const what = 'a word from the scheduler'
  const waiting = await waitForPod(api, namespace.name, 'next', isWaiting, { what })
  equal(waiting.status.phase, 'Pending')
  const said = unschedulable(waiting) ?? ''
  ok(said.startsWith(`0/3 nodes are available: 3 Insufficient ${EPC}.`), said)
  await world.kubectl([
    'exec',
    `--namespace=${namespace.name}`,
    'third',
    '--',
    'sh',
    '-c',
    ': >/end',
  ])
  const ended = await waitForPod(api, namespace.name, 'third', hasEnded, { what: 'its end' })
  const endedAt = Date.now()
  equal(ended.status.phase, 'Succeeded')
  equal(await runs('next'), 'sgx-a')
  context.diagnostic(`free before: ${freeA} and ${freeB} MiB; the scheduler: ${said}`)
  context.diagnostic(`one ended to the next running: ${Date.now() - endedAt} ms`)
})

const Quota = z.object({
  metadata: z.object({ name: z.string() }),
  status: z
    .object({
      hard: z.record(z.string(), z.string()).default({}),
      used: z.record(z.string(), z.string()).default({}),
    })
    .default({ hard: {}, used: {} }),
})

test('a ResourceQuota on EPC holds: the API server refuses the pod that is over it, until another is gone', async context => {
  await using namespace = await openNamespace(api, 'epc-quota')
  const key = `requests.${EPC}`
  const quotas = `/api/v1/namespaces/${namespace.name}/resourcequotas`
  await api.create(quotas, { metadata: { name: 'epc' }, spec: { hard: { [key]: '20' } } })
  const isCounting = ({ status }: z.infer<typeof Quota>): boolean => status.used[key] === '0'
  await waitForObject(api, quotas, Quota, isCounting, { what: 'the quota to be counted' })
  const create = async (name: string): Promise<{ status: number; body: string }> =>
    api.raw(
      'POST',
      podsPath(namespace.name),
      boxPod({ name, epcMiB: 12, script: `${HAS_DEVICE}\nsleep 3600` }),
    )
  equal((await create('within')).status, 201)
  const over = await create('over')
  equal(over.status, 403, over.body)
  const { message } = z.object({ message: z.string() }).parse(JSON.parse(over.body))
  const said = `exceeded quota: epc, requested: ${key}=12, used: ${key}=12, limited: ${key}=20`
  ok(message.endsWith(said), message)
  context.diagnostic(message)
  await waitForPod(api, namespace.name, 'within', isRunning, { what: 'the one within to run' })
  await deletePod(api, namespace.name, 'within')
  // The quota's controller counts again when it hears of the deletion.
  await waitUntil(async () => ((await create('over')).status === 201 ? true : undefined), {
    what: 'room in the quota',
  })
  await waitForPod(api, namespace.name, 'over', isRunning, { what: 'the refused one to run' })
})
