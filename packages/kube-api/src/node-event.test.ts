import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { type KubeApi, KubeApiError, recordNodeEvent } from './index.ts'

type Api = Pick<KubeApi, 'get' | 'patch' | 'create'>
const event = {
  node: { name: 'sgx-a', uid: 'u' },
  type: 'Warning',
  reason: 'EpcOverwritten',
  message: 'm'.repeat(2_000),
  component: 'alcove-device-plugin',
} as const
const now = new Date('2026-11-25T02:00:00.123Z')

/** Keeps events as an API server would. */
function server(): Api & { readonly stored: Map<string, Record<string, unknown>> } {
  const stored = new Map<string, Record<string, unknown>>()
  const at = (path: string) => {
    const object = stored.get(path)
    if (object === undefined) throw new KubeApiError('ERR_KUBE_STATUS', path, { status: 404 })
    return object
  }
  return {
    stored,
    get: async (path, schema) => schema.parse(at(path)),
    patch: async (path, patch, schema) => schema.parse(Object.assign(at(path), patch)),
    create: async (path, object, schema) => {
      const { metadata, ...rest } = z
        .looseObject({ metadata: z.object({ name: z.string() }) })
        .parse(object)
      stored.set(`${path}/${metadata.name}`, { metadata, ...rest })
      return schema.parse(rest)
    },
  }
}

test('an event of a node is where kubectl describe looks for it, and what repeats is one line', async () => {
  const api = server()
  await recordNodeEvent(api, event, now)
  await recordNodeEvent(api, event, new Date('2026-11-25T03:00:00Z'))
  equal(api.stored.size, 1)
  const [[path, stored] = ['', undefined]] = [...api.stored]
  ok(path.startsWith('/api/v1/namespaces/default/events/sgx-a.'))
  deepEqual(stored?.['involvedObject'], { apiVersion: 'v1', kind: 'Node', name: 'sgx-a', uid: 'u' })
  equal(stored?.['count'], 2)
  equal(stored?.['firstTimestamp'], '2026-11-25T02:00:00Z')
  equal(stored?.['lastTimestamp'], '2026-11-25T03:00:00Z')
  equal(String(stored?.['message']).length, 1_024)
})

test('another node of the same name has events of its own', async () => {
  const api = server()
  await recordNodeEvent(api, event, now)
  await recordNodeEvent(api, { ...event, node: { name: 'sgx-a', uid: 'v' } }, now)
  equal(api.stored.size, 2)
})

test('a refusal is the caller’s to know', async () => {
  const refused = new KubeApiError('ERR_KUBE_STATUS', 'no', { status: 403 })
  const api: Api = { ...server(), get: () => Promise.reject(refused) }
  await rejects(recordNodeEvent(api, event, now), refused)
})
