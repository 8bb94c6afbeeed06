import type { Socket } from 'node:net'
import { FormatError } from '@alcove/bytes'
import { AesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'
import type { AesmEvent, CloseReason } from './events.ts'
import { encodeFrame, FrameReader } from './frame.ts'
import type { Request, Response } from './gen/messages_pb.ts'
import type { AesmLimits } from './limits.ts'
import { AesmMessageError } from './message-error.ts'
import { decodeRequest, encodeResponse } from './messages.ts'
import { operationOf } from './operations.ts'
import type { Respond } from './responder.ts'

export interface ConnectionOptions {
  readonly number: number
  readonly limits: AesmLimits
  readonly respond: Respond
  readonly onEvent: (event: AesmEvent) => void
  /** The request is whole: from here on the connection waits for us, not for its peer. */
  readonly onRequest: () => void
}

/**
 * One connection: one request in, one answer out, then closed. A peer costs at most one request
 * in memory, and no longer than the three deadlines together.
 */
export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #frame: FrameReader
  readonly #stop = new AbortController()
  #deadline: NodeJS.Timeout
  #state: 'reading' | 'answering' | 'done' = 'reading'

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#frame = new FrameReader(options.limits.requestBytes)
    this.#deadline = setTimeout(() => {
      this.close('read-deadline', `no whole request within ${options.limits.readMs} ms`)
    }, options.limits.readMs)
    socket.on('data', (chunk: Uint8Array) => {
      this.#take(chunk)
    })
    socket.on('end', () => {
      if (this.#state !== 'reading') return
      this.close('incomplete', 'the peer ended before its request was whole')
    })
    socket.on('error', error => {
      this.close('peer-failed', error.message)
    })
    socket.on('close', () => {
      clearTimeout(this.#deadline)
    })
  }

  /** Closes without an answer, if there is none under way. */
  close(reason: CloseReason, detail: string): void {
    this.#socket.destroy()
    if (this.#state === 'done') return
    this.#state = 'done'
    const { number: connection, onEvent } = this.#options
    onEvent({ kind: 'unanswered', connection, reason, detail })
  }

  /** Ends the connection as the server ends: a request that is being worked on is answered 17. */
  stop(): void {
    if (this.#state === 'reading') this.close('stopped', 'the server is closing')
    this.#stop.abort(new AesmError(AesmCode.serviceStopped))
  }

  #take(chunk: Uint8Array): void {
    if (this.#state !== 'reading') return
    try {
      const body = this.#frame.push(chunk)
      if (body !== undefined) this.#begin(decodeRequest(body))
    } catch (error) {
      if (error instanceof FormatError) this.close('too-long', error.message)
      else if (error instanceof AesmMessageError) this.close('malformed', error.message)
      else throw error
    }
  }

  #begin(request: Request): void {
    const operation = operationOf(request)
    if (operation === undefined) {
      this.close('unknown-request', 'no request that is known')
      return
    }
    const { number: connection, limits, onEvent, onRequest, respond } = this.#options
    this.#state = 'answering'
    // Nothing further is read: not more bytes, and not the peer's end, which may be a half-close.
    this.#socket.pause()
    this.#rearm(limits.answerMs, () => {
      const detail = `no answer within ${limits.answerMs} ms`
      this.#stop.abort(new AesmError(AesmCode.busy, detail))
    })
    onRequest()
    onEvent({ kind: 'request', connection, operation })
    void respond(operation, request, this.#stop.signal).then(response => {
      if (this.#state !== 'answering') return
      this.#send(response)
      const errorCode = response[operation]?.errorCode ?? AesmCode.unexpected
      onEvent({ kind: 'answered', connection, operation, errorCode })
    })
  }

  #send(response: Response): void {
    this.#state = 'done'
    this.#rearm(this.#options.limits.writeMs, () => {
      this.#socket.destroy()
    })
    this.#socket.end(encodeFrame(encodeResponse(response)), () => {
      this.#socket.destroy()
    })
  }

  #rearm(ms: number, then: () => void): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(then, ms)
  }
}
