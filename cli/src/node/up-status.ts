import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { CodedError } from '@alcove/bytes'
import { z } from 'zod'
import { StateError } from '../state.ts'
import { NodeError } from './node-error.ts'

/** What an `up` tells of itself to whoever asks on its socket. */
export interface UpStatus {
  readonly pid: number
  readonly nodes: readonly UpNode[]
}

export interface UpNode {
  readonly name: string
  /** Directory of everything of the node. */
  readonly base: string
  readonly size: string
  readonly os: string
  readonly tcb: string
  /** Why it offers nothing to pods; `null` where it does. */
  readonly refusal: string | null
  /** Made by its helper since it is up. */
  readonly quotes: number
}

const schema: z.ZodType<UpStatus> = z.strictObject({
  pid: z.int(),
  nodes: z.array(
    z.strictObject({
      name: z.string(),
      base: z.string(),
      size: z.string(),
      os: z.string(),
      tcb: z.string(),
      refusal: z.string().nullable(),
      quotes: z.int(),
    }),
  ),
})

/** Another `up` has this state directory. */
export class UpError extends CodedError<'ERR_UP_RUNNING'> {
  /** Of the first one, where it answers. */
  readonly pid: number | undefined

  constructor(pid: number | undefined, state: string) {
    const second = 'start a second one with --state DIRECTORY'
    super(
      'ERR_UP_RUNNING',
      pid === undefined
        ? `another up is starting, ending or stopped in ${state}: try again, or ${second}`
        : `a node is up already: process ${pid}, state ${state}; end it with kill ${pid} (or Ctrl-C where it runs), or ${second}`,
    )
    this.pid = pid
  }
}

const socketPath = (state: string): string => join(state, 'up.socket')

/**
 * Takes the state directory for this process, and answers with `status` whoever asks on its socket.
 *
 * The lock is a name that the kernel keeps (an abstract unix socket): it ends with its process, however that ends, and of
 * several that want it one gets it. macOS has no such names; there the socket in the directory alone decides.
 *
 * @throws {UpError} naming the holder
 */
export async function takeState(state: string, status: () => UpStatus): Promise<AsyncDisposable> {
  await using taken = new AsyncDisposableStack()
  const lock = createServer(socket => socket.destroy())
  if (process.platform === 'linux') {
    if (!(await listens(lock, lockName(state)))) throw await heldBy(state)
    taken.defer(() => closed(lock))
  }
  const holder = await askUp(state)
  if (holder !== 'nobody') throw await heldBy(state)
  await removeSocket(socketPath(state)) // a dead process's leftover
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.end(JSON.stringify(status()))
  })
  if (!(await listens(server, socketPath(state)))) throw await heldBy(state)
  taken.defer(() => closed(server))
  return taken.move()
}

/** The leading zero makes the name abstract. */
function lockName(state: string): string {
  return `\0alcove-up-${createHash('sha256').update(realpathSync(state)).digest('hex').slice(0, 32)}`
}

async function heldBy(state: string): Promise<UpError> {
  const holder = await askUp(state)
  return new UpError(typeof holder === 'string' ? undefined : holder.pid, state)
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

async function listens(server: Server, path: string): Promise<boolean> {
  server.listen(path)
  try {
    await once(server, 'listening')
    server.unref()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  }
}

/** A file of that name that is no socket is somebody's, and left alone. */
async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found !== undefined && !found.isSocket()) {
    throw new StateError(
      'ERR_STATE_PATH',
      `${path} is in the way and no socket: remove it, or name another --state`,
    )
  }
  await rm(path, { force: true })
}

/** An `up` answers at once; one that was stopped does not. */
const ANSWER_MS = 1000

/** `nobody` listens; or somebody does, and is `silent`, or says what it is. */
async function askUp(state: string): Promise<UpStatus | 'nobody' | 'silent'> {
  const socket = connect(socketPath(state))
  const late = setTimeout(() => socket.destroy(), ANSWER_MS)
  try {
    await once(socket, 'connect')
  } catch {
    clearTimeout(late)
    return 'nobody'
  }
  try {
    let said = ''
    for await (const chunk of socket) said += chunk
    return schema.parse(JSON.parse(said))
  } catch {
    return 'silent'
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

/**
 * What is up with this state directory.
 *
 * @throws {NodeError} `ERR_NODE_ABSENT` when nothing is
 */
export async function readUpStatus(state: string): Promise<UpStatus> {
  const status = await askUp(state)
  if (status === 'silent') throw new UpError(undefined, state)
  if (status !== 'nobody') return status
  throw new NodeError(
    'ERR_NODE_ABSENT',
    `no node is up (${socketPath(state)} does not answer): start one with npm start, in another terminal`,
  )
}
