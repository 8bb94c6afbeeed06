import { once } from 'node:events'
import type { Server } from 'node:http'

export interface Probes {
  /** Where the kubelet asks, on every address of the pod. */
  readonly port: number
  /** Why the process cannot do its work just now; `undefined` where it can. */
  readonly notReady: () => string | undefined
  /** Metrics in Prometheus' text format, served at `/metrics`; nothing is there where it is not given. */
  readonly metrics?: (() => Promise<string>) | undefined
}

/** Imported as an ES module, node:http loads what its getters name, all of undici: 2 MB and 30 ms of every daemon's start. */
const { createServer } = process.getBuiltinModule('node:http')

/** A probe is a few hundred bytes; whoever is slower or sends more is cut off. */
const REQUEST_TIMEOUT_MS = 2_000
const MOST_CONNECTIONS = 16

/**
 * Serves the kubelet's probes, and metrics, over HTTP until disposed of: `/healthz` is 200 while this process answers at all, `/readyz` is
 * 200 while it does its work and 503 with the reason otherwise.
 *
 * @throws {Error} the system's, such as `EADDRINUSE`
 */
export async function serveProbes({
  port,
  notReady,
  metrics,
}: Probes): Promise<AsyncDisposable & { readonly port: number }> {
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
  const server = createServer({ ...timeouts, keepAliveTimeout: 1 }, ({ url }, response) => {
    const answer = (status: number, type: string, text: string): void =>
      void response.writeHead(status, { 'content-type': `text/plain; ${type}` }).end(text)
    const plain = (status: number, text: string): void =>
      answer(status, 'charset=utf-8', `${text}\n`)
    if (url === '/metrics' && metrics !== undefined) {
      metrics().then(
        text => answer(200, 'version=0.0.4; charset=utf-8', text),
        (error: unknown) => plain(500, error instanceof Error ? error.message : String(error)),
      )
    } else {
      plain(...answerTo(url, notReady))
    }
  })
  server.maxConnections = MOST_CONNECTIONS
  server.listen(port)
  await once(server, 'listening')
  return { port: portOf(server), [Symbol.asyncDispose]: () => close(server) }
}

function answerTo(url: string | undefined, notReady: Probes['notReady']): [number, string] {
  if (url === '/healthz') return [200, 'ok']
  if (url !== '/readyz') return [404, 'not found']
  const reason = notReady()
  return reason === undefined ? [200, 'ok'] : [503, reason]
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
