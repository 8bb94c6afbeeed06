import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { concatBytes } from '@alcove/bytes'

/** A short directory for sockets, gone afterwards. */
export async function socketDirectory(): Promise<AsyncDisposable & { path(name: string): string }> {
  const directory = await mkdtemp(join(tmpdir(), 'aesm-'))
  return {
    path: name => join(directory, name),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

export interface ExchangeOptions {
  /** Ends the writing half behind the last part. */
  readonly halfClose?: boolean
  /** How often the server has read so far: makes sure that it reads each part by itself. */
  readonly reads?: () => number
}

/** Writes the parts one after the other, then reads until the server closes. */
export async function exchange(
  path: string,
  parts: readonly Uint8Array[],
  { halfClose = false, reads }: ExchangeOptions = {},
): Promise<Uint8Array> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  const answer = readAll(socket)
  for (const part of parts) {
    const before = reads?.()
    if (socket.writable) socket.write(part)
    do await setImmediate()
    while (reads !== undefined && reads() === before)
  }
  if (halfClose) socket.end()
  return await answer
}

/** Everything until the server ends or cuts the connection. */
export async function readAll(socket: Socket): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  socket.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  await new Promise(resolve => socket.once('close', resolve))
  return concatBytes(...chunks)
}

/** Runs the jobs, so many at once. */
export async function inParallel(
  width: number,
  jobs: readonly (() => Promise<void>)[],
): Promise<void> {
  const left = jobs.values()
  const worker = async (): Promise<void> => {
    for (const job of left) await job()
  }
  await Promise.all(Array.from({ length: width }, worker))
}
