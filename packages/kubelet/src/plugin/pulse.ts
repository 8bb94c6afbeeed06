import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'

/**
 * Feels the pulse of the server on a socket, again and again while `isWanted`, and tells when it stops and when it is back. A server
 * that is stopped or hangs keeps its connections: a stream to it does not end, and pings on the stream itself would end one that
 * goes on by itself once the server does.
 */
export class Pulse implements AsyncDisposable {
  readonly #stop = new AbortController()
  readonly #beats: Promise<void>
  #silent = false

  constructor(deps: {
    readonly path: string
    readonly everyMs: number
    readonly isWanted: () => boolean
    readonly onChange: (silent: boolean) => void
  }) {
    this.#beats = this.#run(deps)
  }

  get silent(): boolean {
    return this.#silent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#beats
  }

  async #run({
    path,
    everyMs,
    isWanted,
    onChange,
  }: ConstructorParameters<typeof Pulse>[0]): Promise<void> {
    const { signal } = this.#stop
    while (await passed(everyMs, signal)) {
      const silent = isWanted() && !(await answersHttp2(path, everyMs, signal)) && isWanted()
      if (silent === this.#silent || signal.aborted) continue
      this.#silent = silent
      onChange(silent)
    }
  }
}

/** Whether the server on the socket says its first words of HTTP/2 in time; nothing is asked of it. */
async function answersHttp2(path: string, timeoutMs: number, stop: AbortSignal): Promise<boolean> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect({ path }) })
  // After the answer too: what a peer does with a connection that is being closed is of no interest.
  session.on('error', () => undefined)
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
    await once(session, 'remoteSettings', { signal })
    return true
  } catch {
    return false
  } finally {
    session.destroy()
  }
}

/** Resolves to `true` after `ms`, or to `false` as soon as `signal` aborts. */
async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const abort = (): void => resolve()
  signal.addEventListener('abort', abort, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', abort)
  return !signal.aborted
}
