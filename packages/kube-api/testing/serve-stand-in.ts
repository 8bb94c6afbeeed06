// For tests and benches: Nodes that are kept in memory, and the pods of one, served over TLS as an API server does.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { KubeApiError } from '../src/index.ts'
import { failure, type StandInNodes } from './stand-in-nodes.ts'
import { listenTls, type ServerIdentity, type TlsServer } from './tls-server.ts'

export interface StandInApiOptions {
  readonly nodes: StandInNodes
  /** What a list of pods answers, whatever it selects by; nothing happens to them. */
  readonly pods: readonly object[]
  /** Whoever does not show it is answered 401. */
  readonly token: string
  readonly identity: ServerIdentity
  /** Between two bookmarks of a watch that asks for them; a minute, as API servers send them, unless a test cannot wait. */
  readonly bookmarkMs?: number
}

const PODS = '/api/v1/pods'
const STRATEGIC = 'application/strategic-merge-patch+json'
const object = z.record(z.string(), z.unknown())
const Listed = z.object({ metadata: z.object({ resourceVersion: z.string() }) })

/** Serves lists, watches with bookmarks, patches of either kind and new events. A watch begins with what happens after it. */
export async function serveStandInApi(options: StandInApiOptions): Promise<TlsServer> {
  return listenTls(options.identity, (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      const status = error instanceof KubeApiError ? (error.status ?? 500) : 500
      const message = error instanceof Error ? error.message : String(error)
      if (response.headersSent) response.destroy()
      else response.writeHead(status).end(JSON.stringify({ kind: 'Status', message }))
    })
  })
}

async function answer(
  options: StandInApiOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '/', headers } = request
  if (headers.authorization !== `Bearer ${options.token}`) throw failure(401, 'Unauthorized')
  const { api } = options.nodes
  const { pathname, searchParams } = new URL(url, 'https://api')
  const send = (status: number, content: object): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify(content))
  if (method === 'GET') {
    if (searchParams.get('watch') === '1') await watch(options, url, response)
    else if (pathname === PODS) send(200, podsOf(options))
    else send(200, await api.get(url, object))
    return
  }
  const content = object.parse(JSON.parse(await text(request)))
  if (method === 'POST') send(201, await api.create(url, content, object))
  else if (method === 'PATCH') {
    const isStrategic = headers['content-type'] === STRATEGIC
    send(200, await api[isStrategic ? 'strategicPatch' : 'patch'](url, content, object))
  } else throw failure(405, `${method} ${url}`)
}

/** Until the caller ends it, or the time is over that it gave. */
async function watch(
  { nodes, bookmarkMs = 60_000 }: StandInApiOptions,
  url: string,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'https://api')
  const over = new AbortController()
  const { signal } = over
  const seconds = Number(searchParams.get('timeoutSeconds') ?? '1800')
  const timer = setTimeout(() => over.abort(), seconds * 1000)
  response.once('close', () => over.abort())
  const ended = once(signal, 'abort')
  const tell = (type: string, content: unknown): void =>
    void response.write(`${JSON.stringify({ type, object: content })}\n`)
  const bookmarks = async (): Promise<void> => {
    if (searchParams.get('allowWatchBookmarks') !== 'true') return
    for (;;) {
      await delay(bookmarkMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      const { metadata } = await nodes.api.get('/api/v1/nodes?limit=1', Listed)
      tell('BOOKMARK', { metadata })
    }
  }
  const events = async (): Promise<void> => {
    if (pathname === PODS) return
    for await (const event of nodes.api.watch(url, '', signal)) {
      if (event.type !== 'BOOKMARK') tell(event.type, event.object)
    }
  }
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  await Promise.all([bookmarks(), events(), ended])
  clearTimeout(timer)
  response.end()
}

function podsOf({ pods }: StandInApiOptions): object {
  return { kind: 'PodList', metadata: { resourceVersion: '1' }, items: pods }
}
