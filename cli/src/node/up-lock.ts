import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { CodedError } from '@alcove/bytes'

/** Another `up` has this state directory. */
export class UpError extends CodedError<'ERR_UP_RUNNING'> {
  readonly pid: number

  constructor(pid: number, state: string) {
    super(
      'ERR_UP_RUNNING',
      `a node is up already: process ${pid}, state ${state}; end it with kill ${pid} (or Ctrl-C where it runs), or start a second one with --state DIRECTORY`,
    )
    this.pid = pid
  }
}

/**
 * Takes the state directory for this process. A socket is the lock: it ends with its process, however that ends, and
 * says who holds it.
 *
 * @throws {UpError} naming the holder
 */
export async function takeState(state: string): Promise<AsyncDisposable> {
  const path = join(state, 'up.socket')
  for (let attempt = 0; ; attempt++) {
    const server = createServer(socket => socket.end(String(process.pid)))
    server.listen(path)
    try {
      await once(server, 'listening')
      server.unref()
      return {
        [Symbol.asyncDispose]: async () => {
          server.close()
          await once(server, 'close')
        },
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
      const holder = await holderOf(path)
      if (holder !== undefined || attempt === 2) throw new UpError(holder ?? 0, state)
      await rm(path, { force: true })
    }
  }
}

/** The process that answers on the lock, or `undefined` where it is a dead process's leftover. */
async function holderOf(path: string): Promise<number | undefined> {
  const socket = connect(path)
  try {
    let said = ''
    for await (const chunk of socket) said += chunk
    return Number(said)
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}
