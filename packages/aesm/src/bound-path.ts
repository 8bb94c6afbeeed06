import { lstatSync, unlinkSync } from 'node:fs'
import { chmod, link as hardLink, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AesmSocketError } from './errors.ts'
import { requireSocketPath } from './socket-path.ts'

type Link = (from: string, to: string) => Promise<void>

/** What file systems without hard links, or without hard links to sockets, say. */
const noHardLinks: ReadonlySet<string | undefined> = new Set([
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
])

/** A listening server's name in the file system. */
export interface BoundPath {
  /** Removes the name, unless it has come to be another server's. */
  release(): void
}

/**
 * Has the server listen at the path, open to every uid. A live listener there is left alone; a
 * stale socket, which `kill -9` leaves behind, is replaced.
 *
 * The socket is bound under a private name and then linked to its path, for two reasons: it is
 * only seen once it listens with its final mode, and Node, which on closing unlinks the path
 * that it bound whoever has it by then, unlinks a name that is gone already.
 *
 * @param link another one only in a test, for a file system without hard links
 * @throws {AesmSocketError}
 */
export async function bindPath(
  server: Server,
  path: string,
  link: Link = hardLink,
): Promise<BoundPath> {
  requireSocketPath(path)
  try {
    return await bindBeside(server, path, link)
  } catch (cause) {
    if (cause instanceof AesmSocketError || !isSystemError(cause)) throw cause
    const detail = `cannot bind: ${cause.message}; see that the directory is there, writable, and on a file system that has sockets`
    throw new AesmSocketError('ERR_AESM_SOCKET_BIND', path, detail, { cause })
  }
}

async function bindBeside(server: Server, path: string, link: Link): Promise<BoundPath> {
  await refuseTaken(path)
  const stage = await mkdtemp(`${dirname(path)}/.`)
  try {
    const own = join(stage, 's')
    requireSocketPath(own, path)
    await listen(server, own)
    await chmod(own, 0o777)
    const { dev, ino } = await lstat(own)
    await place(own, path, link)
    return {
      release: () => {
        const now = lstatSync(path, { throwIfNoEntry: false })
        if (now?.dev === dev && now.ino === ino) unlinkSync(path)
      },
    }
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

/** Gives the listening socket its path. */
async function place(own: string, path: string, link: Link): Promise<void> {
  try {
    while (!(await linkFree(own, path, link))) await removeStale(path, own, link)
  } catch (error) {
    if (!(isSystemError(error) && noHardLinks.has(error.code))) throw error
    // Nothing keeps two servers that start in the same moment apart then; the later one stays.
    await rename(own, path)
  }
}

/** @throws {AesmSocketError} unless the path is free or a stale socket */
async function refuseTaken(path: string): Promise<void> {
  const found = await lstat(path).catch(ignore('ENOENT'))
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new AesmSocketError(
      'ERR_AESM_SOCKET_NOT_A_SOCKET',
      path,
      'is there already and is not a socket; remove it, or choose another path',
    )
  }
  if (await isStale(path)) return
  throw new AesmSocketError(
    'ERR_AESM_SOCKET_BUSY',
    path,
    'another server listens there; stop it, or choose another path',
  )
}

/**
 * Removes a stale socket. Several servers may start at once and find the same one; then only
 * the one that holds the directory's takeover lock removes it, or the others might remove what
 * that has bound in its place. The lock is one more name of a listening socket, so that a
 * lock whose holder was killed is known for stale as well.
 */
async function removeStale(path: string, own: string, link: Link): Promise<void> {
  await refuseTaken(path)
  const lock = join(dirname(path), '.takeover')
  if (!(await linkFree(own, lock, link))) {
    if (await isStale(lock)) await unlink(lock).catch(ignore('ENOENT'))
    else await setTimeout(5)
    return
  }
  try {
    if (await isStale(path)) await unlink(path).catch(ignore('ENOENT'))
  } finally {
    await unlink(lock)
  }
}

/** Whether nobody listens at the socket any more. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(true)
      // A full backlog: somebody listens.
      else if (error.code === 'EAGAIN') resolve(false)
      else reject(error)
    })
  })
}

/** Whether the path was free and is now a name of the socket. */
async function linkFree(own: string, path: string, link: Link): Promise<boolean> {
  return await link(own, path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function ignore(code: string): (error: NodeJS.ErrnoException) => undefined {
  return error => {
    if (error.code === code) return undefined
    throw error
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
