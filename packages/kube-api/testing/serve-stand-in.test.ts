import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { followCollection, kubeApi, type StrategicKubeApi, type WatchEvent } from '../src/index.ts'
import { serveStandInApi } from './serve-stand-in.ts'
import { StandInNodes } from './stand-in-nodes.ts'
import { makeIdentity } from './tls-server.ts'

const directory = await mkdtemp(join(tmpdir(), 'alcove-stand-in-'))
after(() => rm(directory, { recursive: true }))
const identity = await makeIdentity(directory, 'api')
const tokenFile = join(directory, 'token')
await writeFile(tokenFile, 'secret')

const NODES = '/api/v1/nodes?fieldSelector=metadata.name%3Dn'
const Labelled = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }),
})
const pod = { metadata: { uid: 'p', name: 'pod' } }

async function served(
  t: TestContext,
  options: { readonly token?: string; readonly bookmarkMs?: number } = {},
): Promise<{ nodes: StandInNodes; api: StrategicKubeApi }> {
  const nodes = new StandInNodes()
  nodes.change('n', { metadata: { labels: { a: '1' } } })
  const server = await serveStandInApi({
    nodes,
    pods: [pod],
    token: 'secret',
    identity,
    ...options,
  })
  t.after(() => server[Symbol.dispose]())
  return { nodes, api: kubeApi({ ...server, tokenFile, caFile: identity.ca }) }
}

test('a Node is listed, patched and followed over TLS', async t => {
  const { nodes, api } = await served(t)
  const stop = new AbortController()
  const seen: unknown[] = []
  let patching = Promise.resolve()
  await followCollection({
    api,
    path: NODES,
    schema: Labelled,
    signal: stop.signal,
    onFailure: reason => seen.push(reason),
    onChange: objects => {
      seen.push(...[...objects.values()].map(({ metadata }) => metadata.labels))
      if (seen.length > 1) stop.abort()
      else patching = patchUntil(stop.signal)
    },
  })
  // again and again, since a watch tells only what happens once it is there
  async function patchUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await api.patch('/api/v1/nodes/n', { metadata: { labels: { b: '2' } } }, Labelled)
    }
  }
  await patching
  deepEqual(seen.slice(0, 2), [{ a: '1' }, { a: '1', b: '2' }])
  equal(nodes.writes[0], 'PATCH /api/v1/nodes/n {"metadata":{"labels":{"b":"2"}}}')
})

test('a watch has bookmarks, of nodes and of pods', async t => {
  const { api } = await served(t, { bookmarkMs: 10 })
  const { signal } = new AbortController()
  const [pods] = await Promise.all([
    first(api.watch('/api/v1/pods?fieldSelector=spec.nodeName%3Dn', '1', signal)),
    first(api.watch(NODES, '1', signal)),
  ])
  equal(pods.type, 'BOOKMARK')
})

test('whoever has another token is refused, and what is not there is not found', async t => {
  const { api } = await served(t, { token: 'another' })
  await rejects(api.get('/api/v1/nodes/n', Labelled), { status: 401 })
  const { api: known } = await served(t)
  await rejects(known.get('/api/v1/nodes/other', Labelled), { status: 404 })
})

async function first(events: AsyncIterable<WatchEvent>): Promise<WatchEvent> {
  for await (const event of events) return event
  throw new Error('ended without an event')
}
