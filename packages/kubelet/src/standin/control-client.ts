import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import {
  type ControlRequest,
  MAX_LINE_BYTES,
  parseEvent,
  parseStatus,
  type RunEvent,
  type RunRequest,
  type StandInStatus,
} from './control-protocol.ts'
import { readLines } from './lines.ts'

/** A stand-in kubelet's control socket; every call has a connection of its own. */
export interface StandInClient {
  /** @throws {KubeletError} `ERR_KUBELET_ABSENT`, `ERR_KUBELET_CONTROL` */
  status(): Promise<StandInStatus>
  /**
   * Runs a program to its end. Leaving the loop early, or an abort, stops it. The events end with `exit` or `refused`.
   *
   * @throws {KubeletError} `ERR_KUBELET_ABSENT`; `ERR_KUBELET_CONTROL` if the kubelet ends before the program, or the request
   *   is longer than a line may be
   */
  run(request: RunRequest, signal?: AbortSignal): AsyncIterable<RunEvent>
}

/** @throws {KubeletError} `ERR_KUBELET_ABSENT` if nobody listens at `path` */
export async function connectStandIn(path: string): Promise<StandInClient> {
  const probe = await dial(path)
  probe.destroy()
  return {
    status: () => askStatus(path),
    run: (request, signal) => runAndFollow(path, request, signal),
  }
}

async function askStatus(path: string): Promise<StandInStatus> {
  const socket = await dial(path)
  try {
    send(socket, { op: 'status' })
    for await (const line of linesOf(socket)) return parseStatus(line)
    throw ended(path)
  } finally {
    socket.destroy()
  }
}

async function* runAndFollow(
  path: string,
  request: RunRequest,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void> {
  signal?.throwIfAborted()
  const socket = await dial(path)
  const leave = (): void => void socket.destroy()
  signal?.addEventListener('abort', leave, { once: true })
  try {
    send(socket, { ...request, op: 'run' })
    for await (const line of linesOf(socket)) {
      const event = parseEvent(line)
      yield event
      if (event.event === 'exit' || event.event === 'refused') return
    }
    signal?.throwIfAborted()
    throw ended(path)
  } finally {
    signal?.removeEventListener('abort', leave)
    socket.destroy()
  }
}

async function dial(path: string): Promise<Socket> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return socket
  } catch (cause) {
    socket.destroy()
    const detail = `no stand-in kubelet answers at ${path}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_ABSENT', detail, { cause })
  }
}

function send(socket: Socket, request: ControlRequest): void {
  const line = JSON.stringify(request)
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
    const detail = `control request: more than ${MAX_LINE_BYTES} bytes`
    throw new KubeletError('ERR_KUBELET_CONTROL', detail)
  }
  socket.write(`${line}\n`)
}

/** A connection that breaks ends the lines; what is missing by then is the caller's to say. */
async function* linesOf(socket: Socket): AsyncGenerator<string, void> {
  try {
    yield* readLines(socket)
  } catch (error) {
    if (error instanceof KubeletError) throw error
  }
}

function ended(path: string): KubeletError {
  return new KubeletError('ERR_KUBELET_CONTROL', `the stand-in kubelet at ${path} ended first`)
}
