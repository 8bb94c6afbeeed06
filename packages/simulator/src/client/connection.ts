import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type Answer,
  encodeFrame,
  FrameDecoder,
  type Operation,
  parseAnswer,
  parseUnasked,
  type RequestFields,
} from '../protocol/index.ts'
import { SimulatorError } from '../simulator-error.ts'

interface Waiting {
  readonly accept: (envelope: unknown) => void
  readonly reject: (error: SimulatorError) => void
}

/** One connection to the platform. Answers come in the order of the requests. */
export class Connection {
  /** Settles when the connection has ended, for whatever reason; never rejects. */
  readonly ended: Promise<void>
  readonly #path: string
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  /** Why no further request can be made. */
  #end: SimulatorError | undefined

  private constructor(path: string, socket: Socket) {
    this.#path = path
    this.#socket = socket
    socket.on('error', error => this.#close(this.#lost(error)))
    this.ended = this.#listen().catch((cause: unknown) => this.#close(this.#lost(cause)))
  }

  /** @throws {SimulatorError} `ERR_SIMULATOR_UNREACHABLE` where nobody listens at `path` */
  static async open(path: string, signal?: AbortSignal): Promise<Connection> {
    const socket = connect(path)
    try {
      await once(socket, 'connect', signal === undefined ? {} : { signal })
      return new Connection(path, socket)
    } catch (cause) {
      socket.destroy()
      throw isAbort(cause) ? timedOut('connect', cause) : unreachable(path, cause)
    }
  }

  /**
   * @throws {SimulatorError} what the platform refused with; `ERR_SIMULATOR_UNREACHABLE` where the connection ended;
   *   `ERR_SIMULATOR_TIMEOUT` where `signal` came first; `ERR_SIMULATOR_ANSWER`
   */
  async request<Op extends Operation>(
    op: Op,
    fields: RequestFields<string>[Op],
    signal?: AbortSignal,
  ): Promise<Answer<Op>> {
    if (this.#end !== undefined) throw this.#end
    if (signal?.aborted) throw timedOut(op, signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    // An answer that comes after the signal still has its place in the order, and is dropped.
    const onAbort = () => reject(timedOut(op, signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.push({ accept: resolve, reject })
    this.#socket.write(encodeFrame({ op, ...fields }))
    try {
      return parseAnswer(op, await promise)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Ends the connection, and with it every enclave that it holds. */
  async close(): Promise<void> {
    const message = 'this connection to the simulated platform was closed'
    this.#close(new SimulatorError('ERR_SIMULATOR_UNREACHABLE', message))
    await this.ended
  }

  async #listen(): Promise<void> {
    const decoder = new FrameDecoder('ERR_SIMULATOR_ANSWER')
    for await (const chunk of this.#socket) {
      for (const value of decoder.push(chunk)) this.#accept(value)
    }
    this.#close(this.#lost())
  }

  #accept(value: unknown): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) waiting.accept(value)
    else this.#close(parseUnasked(value))
  }

  #close(error: SimulatorError): void {
    this.#end ??= error
    this.#socket.destroy()
    for (const { reject } of this.#waiting.splice(0)) reject(this.#end)
  }

  #lost(cause?: unknown): SimulatorError {
    if (cause instanceof SimulatorError) return cause
    const message = `the simulated platform at ${this.#path} closed the connection: enclaves on it are gone, start the program again`
    return new SimulatorError('ERR_SIMULATOR_UNREACHABLE', message, { cause })
  }
}

function unreachable(path: string, cause: unknown): SimulatorError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `no simulated platform at ${path} (${reason}): is the node up, and was this program given its socket?`
  return new SimulatorError('ERR_SIMULATOR_UNREACHABLE', message, { cause })
}

function timedOut(what: string, cause: unknown): SimulatorError {
  const message = `the simulated platform did not answer ${what} in time`
  return new SimulatorError('ERR_SIMULATOR_TIMEOUT', message, { cause })
}

function isAbort(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'AbortError'
}
