import { equal, match, rejects } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { AesmClient } from '@alcove/aesm'
import { jsonLog } from '@alcove/process'
import { createPlatform, serveSimulatedPlatform } from '@alcove/simulator'
import {
  makeCharacterDevice,
  noCharacterDevices,
} from '../../../packages/simulator/testing/character-device.ts'
import { runQuoteHelper } from './index.ts'

/** A container as Allocate leaves it: two device nodes, and the simulated platform's directories. */
async function container(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'alcove-'))
  t.after(() => rm(root, { recursive: true }))
  for (const directory of ['dev', 'run/alcove-simulator', 'run/alcove-simulator-provision']) {
    await mkdir(join(root, directory), { recursive: true })
  }
  makeCharacterDevice(join(root, 'dev/sgx_enclave'))
  makeCharacterDevice(join(root, 'dev/sgx_provision'))
  return root
}

async function startHelper(t: TestContext, root: string) {
  const stop = new AbortController()
  const lines: string[] = []
  const socket = join(root, 'aesmd/aesm.socket')
  const running = runQuoteHelper({
    environment: { QUOTE_HELPER_SOCKET: socket, QUOTE_HELPER_PLATFORM: 'simulated' },
    log: jsonLog('quote-helper', { write: line => void lines.push(line) }),
    stop: stop.signal,
    root,
  })
  t.after(async () => {
    stop.abort()
    await running
  })
  while (!lines.some(line => line.includes('"serving"'))) await delay(5)
  return { aesm: new AesmClient({ path: socket }), lines }
}

/** The simulator of the node, with tokens of its own at each start, and the same keys. */
async function startPlatform(root: string, seed: Uint8Array) {
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
  const tokens = { enclave: random(16).toHex(), provision: random(16).toHex() }
  return serveSimulatedPlatform({
    path: join(root, 'run/alcove-simulator/platform.socket'),
    platform: createPlatform({ seed, now: () => new Date(), random, epcBytes: 2 ** 20 }),
    tokens,
    beforeListening: () =>
      writeFile(join(root, 'run/alcove-simulator-provision/token'), tokens.provision),
  })
}

test('the helper listens before there is a platform, and follows one that starts anew', {
  skip: noCharacterDevices,
}, async t => {
  const root = await container(t)
  const { aesm, lines } = await startHelper(t, root)
  await rejects(aesm.initQuote(), { code: 'ERR_AESM_ANSWER', errorCode: 30 })
  match(lines.join(''), /"event":"platform refused"/)
  const seed = Uint8Array.from(randomBytes(32))
  const first = await startPlatform(root, seed)
  const { pubKeyId } = await aesm.initQuote()
  await first[Symbol.asyncDispose]()
  await rejects(aesm.initQuote(), { errorCode: 30 })
  await using _second = await startPlatform(root, seed)
  equal((await aesm.initQuote()).pubKeyId.toHex(), pubKeyId.toHex())
})

test('without its provision device the helper makes no quotes, and its log says what to ask for', {
  skip: noCharacterDevices,
}, async t => {
  const root = await container(t)
  await rm(join(root, 'dev/sgx_provision'))
  await using _platform = await startPlatform(root, Uint8Array.from(randomBytes(32)))
  const { aesm, lines } = await startHelper(t, root)
  await rejects(aesm.initQuote(), { errorCode: 30 })
  const line = lines.find(one => one.includes('platform refused')) ?? ''
  match(line, /sgx\.intel\.com\/provision: 1/)
})
