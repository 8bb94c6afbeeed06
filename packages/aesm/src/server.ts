import { createServer, type Socket } from 'node:net'
import type { QuotingBackend } from './backend.ts'
import { bindPath } from './bound-path.ts'
import { Connection } from './connection.ts'
import type { AesmEvent } from './events.ts'
import { type AesmLimits, defaultLimits } from './limits.ts'
import { createResponder } from './responder.ts'

export interface ServeAesmOptions {
  /** Absolute path of the socket, at most 107 bytes; its directory is there and writable. */
  readonly path: string
  readonly backend: QuotingBackend
  readonly limits?: Partial<AesmLimits>
  /** When the back end has lost its key (42): have it initialise again and retry once, before the client hears of it. */
  readonly recover?: boolean
  readonly onEvent?: (event: AesmEvent) => void
}

/** A server of the AESM socket. */
export interface AesmServer extends AsyncDisposable {
  readonly path: string
  /** Open connections. */
  readonly connections: number
  /** Removes the socket if it is still ours, answers 17 (SERVICE_STOPPED) to what is under way, and ends. */
  close(): Promise<void>
}

/**
 * Serves the AESM protocol at a unix socket that every uid may connect to.
 *
 * @throws {AesmSocketError} the path cannot be bound; a live server's is never taken
 * @see docs/formats/aesm.md
 */
export async function serveAesm(options: ServeAesmOptions): Promise<AesmServer> {
  const { path, backend, recover = false } = options
  const limits = { ...defaultLimits, ...options.limits }
  const onEvent = options.onEvent ?? (() => undefined)
  const respond = createResponder({ backend, limits, recover, onEvent })
  const open = new OpenConnections(limits.connections)
  let count = 0
  const accept = (socket: Socket): void => {
    count += 1
    const connection = new Connection(socket, {
      number: count,
      limits,
      respond,
      onEvent,
      onRequest: () => open.served(connection),
    })
    open.add(connection, socket)
  }
  const server = createServer({ allowHalfOpen: true }, accept)
  const bound = await bindPath(server, path)
  server.on('error', error => onEvent({ kind: 'server-failed', error }))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= new Promise(resolve => {
      bound.release()
      server.close(() => resolve())
      open.stop()
    })
    return closed
  }
  return {
    path,
    get connections() {
      return open.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * The connections of one server, bounded. When all places are taken the peer that has been
 * silent the longest gives way, so that silent peers cannot lock out others; when everybody
 * has asked and waits for an answer, the newcomer is closed.
 */
class OpenConnections {
  readonly #silent = new Set<Connection>()
  readonly #all = new Set<Connection>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#all.size
  }

  add(connection: Connection, socket: Socket): void {
    this.#all.add(connection)
    this.#silent.add(connection)
    socket.once('close', () => this.#forget(connection))
    if (this.#all.size <= this.#max) return
    const [longest = connection] = this.#silent
    this.#forget(longest)
    longest.close('crowded-out', `${this.#max} connections are open`)
  }

  served(connection: Connection): void {
    this.#silent.delete(connection)
  }

  stop(): void {
    for (const connection of this.#all) connection.stop()
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection)
    this.#silent.delete(connection)
  }
}
