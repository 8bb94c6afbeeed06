import type { Socket } from 'node:net'
import { FormatError } from '@alcove/bytes'
import {
  type Envelope,
  encodeError,
  encodeFrame,
  FrameDecoder,
  parseRequest,
} from '../protocol/index.ts'
import { SimulatorError, type SimulatorErrorCode } from '../simulator-error.ts'
import type { Session } from './session.ts'

export type ServerEvent =
  /** A request was refused, or was no request. */
  | { readonly event: 'refused'; readonly code: SimulatorErrorCode; readonly message: string }
  /** The platform failed in a way that nobody foresaw; the peer was told no more than that. */
  | { readonly event: 'failed'; readonly cause: unknown }
  /** A connection ended, and what it held was given back. */
  | { readonly event: 'ended'; readonly pagesGivenBack: number }

/** Answers one peer, request by request, until it goes, is silent for too long, or talks nonsense. Never rejects. */
export async function converse(
  socket: Socket,
  session: Session,
  deadlineMs: number,
  onEvent: (event: ServerEvent) => void,
): Promise<void> {
  const deadline = createDeadline(deadlineMs, () => socket.destroy())
  const send = async (envelope: Envelope) => {
    deadline.start()
    await write(socket, encodeFrame(envelope))
    deadline.stop()
  }
  try {
    deadline.start()
    const decoder = new FrameDecoder('ERR_SIMULATOR_REQUEST')
    // Left by an error, the socket has to live on, so that the error can be answered.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      for (const value of decoder.push(chunk)) {
        deadline.stop()
        await send(answer(session, value, onEvent))
      }
      if (decoder.isMidFrame || !session.isOpen) deadline.start()
    }
  } catch (cause) {
    if (cause instanceof SimulatorError) {
      onEvent(refused(cause))
      await send(encodeError(cause)).catch(() => undefined) // the peer may be gone
    } else if (!isPeerGone(cause)) {
      onEvent({ event: 'failed', cause })
    }
  } finally {
    deadline.stop()
    socket.destroySoon()
    onEvent({ event: 'ended', pagesGivenBack: session.end() })
  }
}

function answer(session: Session, value: unknown, onEvent: (event: ServerEvent) => void): Envelope {
  try {
    return { ok: session.handle(parseRequest(value)) }
  } catch (cause) {
    const error = asSimulatorError(cause)
    onEvent(error.code === 'ERR_SIMULATOR_INTERNAL' ? { event: 'failed', cause } : refused(error))
    return encodeError(error)
  }
}

function refused({ code, message }: SimulatorError): ServerEvent {
  return { event: 'refused', code, message }
}

function asSimulatorError(cause: unknown): SimulatorError {
  if (cause instanceof SimulatorError) return cause
  if (cause instanceof FormatError) {
    return new SimulatorError('ERR_SIMULATOR_REQUEST', cause.message, { cause })
  }
  const message =
    "the simulated platform failed: its log has the cause, which is a defect of Alcove's"
  return new SimulatorError('ERR_SIMULATOR_INTERNAL', message, { cause })
}

/** What a socket throws has a code, as does its being destroyed under its reader. */
function isPeerGone(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause
}

function write(socket: Socket, frame: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.write(frame, error => (error ? reject(error) : resolve()))
  return promise
}

interface Deadline {
  /** Does nothing while it runs: a peer that trickles gains no time. */
  start(): void
  stop(): void
}

function createDeadline(milliseconds: number, onMissed: () => void): Deadline {
  let timer: NodeJS.Timeout | undefined
  return {
    start() {
      timer ??= setTimeout(onMissed, milliseconds)
    },
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
