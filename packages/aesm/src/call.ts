import { connect } from 'node:net'
import { FormatError } from '@alcove/bytes'
import { AesmTransportError } from './errors.ts'
import { encodeFrame, FrameReader } from './frame.ts'
import type { Response } from './gen/messages_pb.ts'
import { AesmMessageError } from './message-error.ts'
import { decodeResponse, encodeRequest, type RequestFields } from './messages.ts'

/** A quote of 64 KiB, and 16 KiB for everything else. */
const maxReplyBytes = 80 * 1024

export interface CallOptions {
  readonly path: string
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Makes one call over a connection of its own, as the protocol has it.
 *
 * @throws {AesmTransportError} no answer, or one that is not the protocol's
 */
export function call(request: RequestFields, options: CallOptions): Promise<Response> {
  const { path, timeoutMs, signal } = options
  signal?.throwIfAborted()
  const frame = encodeFrame(encodeRequest(request))
  return new Promise((resolve, reject) => {
    const reader = new FrameReader(maxReplyBytes)
    const socket = connect(path)
    let connected = false
    const abort = (): void => fail(signal?.reason)
    const fail = (error: unknown): void => {
      finish()
      reject(error)
    }
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      socket.destroy()
    }
    const timer = setTimeout(() => fail(timeout(options)), timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    socket.on('connect', () => {
      connected = true
      socket.write(frame)
    })
    socket.on('data', (chunk: Uint8Array) => {
      try {
        const body = reader.push(chunk)
        if (body === undefined) return
        const response = decodeResponse(body)
        finish()
        resolve(response)
      } catch (error) {
        fail(badReply(path, error))
      }
    })
    socket.on('end', () => fail(noAnswer(path, reader.started)))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      fail(connected ? noAnswer(path, reader.started, error) : unreachable(path, error))
    })
  })
}

function timeout({ path, timeoutMs }: CallOptions): AesmTransportError {
  const detail = `no answer within ${timeoutMs} ms; see that the quote helper of this node is healthy`
  return new AesmTransportError('ERR_AESM_TIMEOUT', path, detail)
}

function unreachable(path: string, cause: NodeJS.ErrnoException): AesmTransportError {
  const remedies: Record<string, string | undefined> = {
    ENOENT:
      'there is no such socket; see that the quote helper runs on this node and that its directory (not the socket file) is mounted here',
    ECONNREFUSED:
      'nobody listens there any more; see that the quote helper runs, and mount its directory, not the socket file',
    EACCES: 'no permission to connect; see the modes of the socket and of the directories above it',
  }
  const detail = remedies[cause.code ?? ''] ?? `cannot connect: ${cause.message}`
  return new AesmTransportError('ERR_AESM_UNREACHABLE', path, detail, { cause })
}

function noAnswer(path: string, started: boolean, cause?: Error): AesmTransportError {
  const what = started ? 'closed in the middle of its answer' : 'closed without an answer'
  const detail = `the server ${what}: it is stopping or crowded, or took the request as malformed; ask again once`
  return new AesmTransportError('ERR_AESM_NO_ANSWER', path, detail, cause && { cause })
}

function badReply(path: string, cause: unknown): unknown {
  if (!(cause instanceof FormatError || cause instanceof AesmMessageError)) return cause
  const detail = `its answer is not AESM’s (${cause.message}); see what listens there`
  return new AesmTransportError('ERR_AESM_REPLY', path, detail, { cause })
}
