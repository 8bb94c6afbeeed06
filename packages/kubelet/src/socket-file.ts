import { once } from 'node:events'
import { statSync } from 'node:fs'
import { mkdtemp, readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { KubeletError } from './kubelet-error.ts'

/** The kernel's limit for the path of a unix socket: `sun_path` without its closing zero byte. */
const MAX_SOCKET_PATH_BYTES = 107

/** @throws {KubeletError} `ERR_KUBELET_SOCKET` if the kernel would refuse the path */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new KubeletError(
      'ERR_KUBELET_SOCKET',
      `${path}: a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes, this has ${bytes}; use a shorter directory`,
    )
  }
}

/**
 * Names one life of the socket at `path`: another after it was deleted and bound again. `undefined` if there is no socket.
 * The inode's number alone is not enough: file systems give it out again at once.
 */
export function socketIdentity(path: string): string | undefined {
  return socketLife(path)?.identity
}

/**
 * The socket's identity and when it was bound, in nanoseconds since 1970 by the file system's clock. Asked for at once, not by
 * way of the thread pool: between a kubelet's start and its first pod there may be 100 ms, and on a busy node each way there
 * and back costs some of them.
 */
export function socketLife(
  path: string,
): { readonly identity: string; readonly bornNs: bigint } | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (!found?.isSocket()) return undefined
  const bornNs = found.birthtimeNs || found.ctimeNs
  return { identity: `${found.dev}:${found.ino}:${bornNs}`, bornNs }
}

/** What the clock of the file system says that `directory` is on: milliseconds since 1970, the same for all who use it. */
export async function clockOf(directory: string): Promise<number> {
  const probe = await mkdtemp(join(directory, '.clock-'))
  try {
    return Math.floor((await stat(probe)).ctimeMs)
  } finally {
    await rmdir(probe)
  }
}

/** Deletes the sockets in `directory` whose names match and that nobody listens on, as a process leaves them after `kill -9`. */
export async function removeStaleSockets(directory: string, name: RegExp): Promise<void> {
  for (const entry of await readdir(directory)) {
    const path = join(directory, entry)
    if (name.test(entry) && (await isStale(path))) await unlink(path).catch(absent)
  }
}

/** Whether there is a socket at `path` that nobody listens on. */
export async function isStale(path: string): Promise<boolean> {
  return (await connection(path)) === 'ECONNREFUSED'
}

/** Whether there is a socket at `path` that somebody listens on. */
export async function isLive(path: string): Promise<boolean> {
  return (await connection(path)) === 'connected'
}

async function connection(path: string): Promise<unknown> {
  if (socketIdentity(path) === undefined) return 'absent'
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return codeOf(error)
  } finally {
    socket.destroy()
  }
}

/** For `.catch`: an absent file is `undefined`, any other failure is thrown. */
export function absent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
