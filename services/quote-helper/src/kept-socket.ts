import { lstat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type AesmServer, type ServeAesmOptions, serveAesm } from '@alcove/aesm'
import { errorFields, type Log } from '@alcove/process'

export interface KeepDeps {
  readonly log: Log
  readonly stop: AbortSignal
  readonly onServing?: () => void
  /** How often the path is looked at, in ms; 1000 unless told. */
  readonly everyMs?: number
}

/**
 * Serves AESM until `stop` aborts, and again where somebody has removed or replaced the socket: whoever mounts its directory
 * read-write can. What is under way on the old socket is answered first. While another live server has the path, it is
 * left alone.
 *
 * @throws {AesmSocketError} where the path cannot be bound at the start
 */
export async function keepServing(options: ServeAesmOptions, deps: KeepDeps): Promise<void> {
  const { log, stop, everyMs = 1000 } = deps
  const ended: Promise<void>[] = []
  let server = await serveAesm(options)
  deps.onServing?.()
  let inode = await inodeOf(options.path)
  let told = ''
  while (!stop.aborted) {
    await delay(everyMs, undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted || (await inodeOf(options.path)) === inode) continue
    try {
      const next = await serveAesm(options)
      inode = await inodeOf(options.path)
      ended.push(closeWhenIdle(server, everyMs, stop))
      server = next
      told = ''
      log.warn('bound again', { socket: options.path, reason: 'the socket was gone, or another' })
    } catch (error) {
      const fields = errorFields(error)
      const now = String(fields['message'])
      if (now !== told) log.error('not bound', { socket: options.path, error: fields })
      told = now
    }
  }
  await Promise.all([...ended, server.close()])
}

/** Nobody new can reach a socket without a name. */
async function closeWhenIdle(
  server: AesmServer,
  everyMs: number,
  stop: AbortSignal,
): Promise<void> {
  while (server.connections > 0 && !stop.aborted) {
    await delay(everyMs, undefined, { signal: stop }).catch(() => undefined)
  }
  await server.close()
}

/** Which file has the path now; `undefined` where none has. */
async function inodeOf(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isSocket() ? `${found.dev}:${found.ino}` : undefined
}
