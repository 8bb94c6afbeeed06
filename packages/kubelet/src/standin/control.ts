import { once } from 'node:events'
import { chmod, mkdir, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { checkSocketPath, isStale } from '../socket-file.ts'
import {
  type ControlRequest,
  MAX_TEXT_LENGTH,
  parseRequest,
  type RunEvent,
  type StandInStatus,
} from './control-protocol.ts'
import { readLines } from './lines.ts'
import { type ProgramEvent, Programs } from './programs.ts'
import type { StandInKubelet } from './standin-kubelet.ts'

/** How long a connection may stay silent before its request. */
const REQUEST_TIMEOUT_MS = 10_000

/**
 * Serves people's tools on a unix socket of mode 0600: one JSON object per line, one request per connection.
 * `{op:'status'}` is answered with one line; `{op:'run', …}` with the program's events, and closing the connection stops
 * the program. Disposing of the server stops every program.
 *
 * @throws {KubeletError} `ERR_KUBELET_SOCKET`
 */
export async function serveStandInControl(options: {
  readonly kubelet: StandInKubelet
  readonly path: string
  /** Each program gets a directory in it. */
  readonly programsDirectory: string
  readonly onEvent?: (event: ProgramEvent) => void
}): Promise<AsyncDisposable> {
  const { path, kubelet, programsDirectory } = options
  const programs = new Programs({
    kubelet,
    directory: programsDirectory,
    onEvent: options.onEvent ?? (() => undefined),
  })
  const stop = new AbortController()
  const serving = new Set<Promise<void>>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    const served = serve(socket, { kubelet, programs, stop: stop.signal })
    serving.add(served)
    void served.finally(() => serving.delete(served))
  })
  await mkdir(programsDirectory, { recursive: true, mode: 0o700 })
  await listen(server, path)
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      stop.abort()
      await Promise.all(serving)
      await closed
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  checkSocketPath(path)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    if (await isStale(path)) await unlink(path)
    server.listen({ path })
    await once(server, 'listening')
    await chmod(path, 0o600)
  } catch (cause) {
    const detail = `cannot listen on ${path}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_SOCKET', detail, { cause })
  }
}

/** One connection, to its end. Never rejects: what goes wrong is the peer's answer. */
async function serve(
  socket: Socket,
  deps: { kubelet: StandInKubelet; programs: Programs; stop: AbortSignal },
): Promise<void> {
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  socket.on('error', leave).on('close', leave)
  deps.stop.addEventListener('abort', leave, { once: true })
  const send = (message: RunEvent | StandInStatus): Promise<void> =>
    sendLine(socket, JSON.stringify(message), gone.signal)
  try {
    const request = await readRequest(socket, gone.signal)
    if (request.op === 'status') {
      await send({ resources: deps.kubelet.resources(), programs: deps.programs.list() })
    } else {
      // From here on, an end of what the peer sends is its leaving.
      socket.on('end', leave).resume()
      await deps.programs.run(request, pieces(send), gone.signal)
    }
  } catch (error) {
    const code = error instanceof KubeletError ? error.code : 'ERR_KUBELET_PROGRAM'
    await send({ event: 'refused', code, message: reasonOf(error) })
  } finally {
    deps.stop.removeEventListener('abort', leave)
    socket.destroySoon()
  }
}

async function readRequest(socket: Socket, gone: AbortSignal): Promise<ControlRequest> {
  const late = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS)
  const destroy = (): void => void socket.destroy()
  gone.addEventListener('abort', destroy, { once: true })
  try {
    for await (const line of readLines(socket)) return parseRequest(line)
  } finally {
    clearTimeout(late)
    gone.removeEventListener('abort', destroy)
  }
  throw new KubeletError('ERR_KUBELET_CONTROL', 'control request: the connection ended before it')
}

/** Cuts output so that no line passes the limit. */
function pieces(send: (event: RunEvent) => Promise<void>): (event: RunEvent) => Promise<void> {
  return async event => {
    if (event.event !== 'stdout' && event.event !== 'stderr') {
      await send(event)
      return
    }
    for (let start = 0; start < event.text.length; start += MAX_TEXT_LENGTH) {
      await send({ event: event.event, text: event.text.slice(start, start + MAX_TEXT_LENGTH) })
    }
  }
}

/** Waits while the peer is slow; a peer that is gone gets nothing. */
async function sendLine(socket: Socket, line: string, gone: AbortSignal): Promise<void> {
  if (gone.aborted || !socket.writable || socket.write(`${line}\n`)) return
  await once(socket, 'drain', { signal: gone }).catch(() => undefined)
}
