import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Platform } from '../platform/platform.ts'
import { encodeError, encodeFrame } from '../protocol/index.ts'
import { SimulatorError } from '../simulator-error.ts'
import { converse, type ServerEvent } from './conversation.ts'
import { type PlatformTokens, Session } from './session.ts'
import { freeSocketPath } from './socket-path.ts'

export interface ServeOptions {
  /** Of the unix socket; at most 107 bytes. */
  readonly path: string
  readonly platform: Platform
  readonly tokens: PlatformTokens
  /** Permission bits of the socket; 0600 unless told. On a cluster 0666: who was given its directory may connect. */
  readonly mode?: number
  /** Done once it is clear that nobody else is served at `path`, and before anybody can connect: tokens are written here. */
  readonly beforeListening?: () => Promise<void>
  /**
   * Asked when a client wants the platform's state looked at: another platform than before is served from then on, and
   * every connection but the client's ends, as all of a machine's processes do when it starts into new microcode.
   */
  readonly reload?: (served: Platform) => Platform
  readonly onEvent?: (event: ServerEvent) => void
  readonly limits?: Partial<ServerLimits>
}

export interface ServerLimits {
  /** Connections at a time; one more is answered ERR_SIMULATOR_BUSY and closed. */
  readonly connections: number
  /** How long a frame may take to come or to go, and how long a connection may stay without a token. */
  readonly deadlineMs: number
}

export interface PlatformServer extends AsyncDisposable {
  readonly path: string
}

const defaultLimits: ServerLimits = { connections: 256, deadlineMs: 10_000 }

/**
 * Serves a platform to the processes of its node. An enclave belongs to its connection: when that ends, as it does when
 * the process dies, its pages are given back at once.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_SOCKET` for a path too long, or one that another process listens on
 * @see docs/formats/simulator-protocol.md
 */
export async function serveSimulatedPlatform(options: ServeOptions): Promise<PlatformServer> {
  const { path, tokens, reload = served => served, onEvent = () => undefined } = options
  let { platform } = options
  const limits = { ...defaultLimits, ...options.limits }
  await freeSocketPath(path)
  await options.beforeListening?.()
  const sockets = new Map<Socket, Promise<void>>()
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    if (sockets.size >= limits.connections) {
      refuse(socket, limits)
      return
    }
    const machine = {
      get platform() {
        return platform
      },
      reload() {
        const next = reload(platform)
        if (next === platform) return false
        platform = next
        for (const other of sockets.keys()) if (other !== socket) other.destroy()
        return true
      },
    }
    const session = new Session(machine, tokens)
    const conversation = converse(socket, session, limits.deadlineMs, onEvent)
    sockets.set(
      socket,
      conversation.finally(() => sockets.delete(socket)),
    )
  })
  await listen(server, path, options.mode ?? 0o600)
  return {
    path,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets.keys()) socket.destroy()
      await Promise.all([closed, ...sockets.values()])
    },
  }
}

async function listen(server: Server, path: string, mode: number): Promise<void> {
  server.listen(path)
  try {
    await once(server, 'listening')
    await chmod(path, mode)
  } catch (cause) {
    server.close()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SimulatorError('ERR_SIMULATOR_SOCKET', `cannot listen on ${path}: ${reason}`, {
      cause,
    })
  }
}

function refuse(socket: Socket, { connections, deadlineMs }: ServerLimits): void {
  const message = `the platform serves ${connections} connections, the most allowed: try again later`
  socket.setTimeout(deadlineMs, () => socket.destroy())
  socket.resume()
  socket.end(encodeFrame(encodeError(new SimulatorError('ERR_SIMULATOR_BUSY', message))))
}
