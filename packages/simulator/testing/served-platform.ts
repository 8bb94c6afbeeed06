import { ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { EnclaveFolder, EnclaveManifest } from '../src/client/index.ts'
import { createPlatform, type Platform, type PlatformOptions } from '../src/platform/platform.ts'
import { FrameDecoder } from '../src/protocol/index.ts'
import {
  type PlatformServer,
  type PlatformTokens,
  type ServeOptions,
  type ServerEvent,
  serveSimulatedPlatform,
} from '../src/server/index.ts'

export const tokens: PlatformTokens = { enclave: 'e'.repeat(64), provision: 'p'.repeat(64) }
export const MIB: number = 2 ** 20

export function newPlatform(
  epcBytes: number = 4 * MIB,
  changes: Partial<PlatformOptions> = {},
): Platform {
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => new Date('2026-05-01T12:00:00Z'),
    random: length => new Uint8Array(length).fill(1),
    epcBytes,
    ...changes,
  })
}

export async function socketPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-sim-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'platform.socket')
}

export interface Served {
  readonly path: string
  readonly platform: Platform
  readonly server: PlatformServer
  readonly events: readonly ServerEvent[]
}

/** A platform on a socket of its own, until the test ends. */
export async function serve(t: TestContext, options: Partial<ServeOptions> = {}): Promise<Served> {
  const path = await socketPath(t)
  const platform = options.platform ?? newPlatform()
  const events: ServerEvent[] = []
  const server = await serveSimulatedPlatform({
    path,
    platform,
    tokens,
    onEvent: event => events.push(event),
    ...options,
  })
  t.after(() => server[Symbol.asyncDispose]())
  return { path, platform, server, events }
}

export const manifest: EnclaveManifest = {
  name: 'hello',
  main: 'main.ts',
  files: ['*.ts'],
  heapMiB: 1,
  isvProdId: 4,
  isvSvn: 5,
  debug: false,
  signer: 'test',
}
export const folder: EnclaveFolder = {
  list: async () => ['main.ts', 'big.ts'],
  read: async (path: string) => new Uint8Array(path === 'big.ts' ? 300_000 : 10).fill(65),
}

export async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    ok(tries < 200, 'not within 2 s')
    await delay(10)
  }
}

/** A peer that speaks bytes. */
export async function rawPeer(t: TestContext, path: string): Promise<Socket> {
  const socket = connect(path)
  t.after(() => socket.destroy())
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

export async function everythingFrom(socket: Socket): Promise<unknown[]> {
  const decoder = new FrameDecoder('ERR_SIMULATOR_ANSWER')
  const values: unknown[] = []
  for await (const chunk of socket) values.push(...decoder.push(chunk))
  return values
}
