import { once } from 'node:events'
import { get } from 'node:http'
import { createServer } from 'node:net'

/** As the chart has the kubelet ask: deploy/helm/alcove/templates/_helpers.tpl, `alcove.probes`. */
const READY_MS = 10_000
const LIVE_MS = 20_000

/** Asks a process for its probes as a kubelet does, over a new connection each time, until disposed of. */
export function probe(port: number): Disposable {
  const ask = (path: string): void =>
    void get({ host: '127.0.0.1', port, path, agent: false }, response => response.resume())
      // between two runs nobody is there
      .on('error', () => undefined)
  const timers = [
    setInterval(() => ask('/readyz'), READY_MS),
    setInterval(() => ask('/healthz'), LIVE_MS),
  ]
  return {
    [Symbol.dispose]: () => {
      for (const timer of timers) clearInterval(timer)
    },
  }
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new TypeError('no port')
  return address.port
}
