import { equal, ok, rejects } from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { newPlatform, socketPath, tokens } from '../../testing/served-platform.ts'
import { connectPlatform, SimulatedQuoting, tokenFile } from '../client/index.ts'
import { serveSimulatedPlatform } from './index.ts'

const signal = new AbortController().signal

/** A platform with tokens of its own, which it writes beside its socket, as the simulator of a cluster's node does. */
async function start(path: string, token: string) {
  const file = join(dirname(path), 'token')
  return serveSimulatedPlatform({
    path,
    platform: newPlatform(),
    tokens: { ...tokens, provision: token },
    mode: 0o666,
    beforeListening: () => writeFile(file, token),
  })
}

test('a quote helper follows a platform that has other tokens after each start', async t => {
  const path = await socketPath(t)
  const token = tokenFile(join(dirname(path), 'token'))
  await using quoting = new SimulatedQuoting({ path, token })
  await rejects(quoting.init(signal), { code: 'ERR_SIMULATOR_UNREACHABLE', aesmCode: 30 })
  const first = await start(path, '1'.repeat(64))
  const before = await quoting.init(signal)
  await first[Symbol.asyncDispose]()
  await rejects(quoting.init(signal), { code: 'ERR_SIMULATOR_UNREACHABLE' })
  await using _second = await start(path, '2'.repeat(64))
  const after = await quoting.init(signal)
  equal(after.pubKeyId.toHex(), before.pubKeyId.toHex())
})

test('a token that was read too early is read again, once; another one is refused for good', async t => {
  const path = await socketPath(t)
  await using _platform = await start(path, '1'.repeat(64))
  let asked = 0
  const stale = async () => (asked++ === 0 ? '0' : '1').repeat(64)
  await using quoting = new SimulatedQuoting({ path, token: stale })
  ok(await quoting.quoteSize(signal))
  equal(asked, 2)
  await using stranger = new SimulatedQuoting({ path, token: 'x' })
  await rejects(stranger.init(signal), { code: 'ERR_SIMULATOR_NOT_PERMITTED', aesmCode: 30 })
})

test('a token file that is not there is told as a platform that is not there', async t => {
  const path = await socketPath(t)
  await using _platform = await start(path, '1'.repeat(64))
  await rm(join(dirname(path), 'token'))
  await rejects(connectPlatform(path, tokenFile(join(dirname(path), 'token'))), {
    code: 'ERR_SIMULATOR_UNREACHABLE',
    message: /is the simulator running on this node/,
  })
})

test('the socket has the mode that was asked for, and a second platform leaves the first one’s tokens alone', async t => {
  const path = await socketPath(t)
  await using _platform = await start(path, '1'.repeat(64))
  equal((await stat(path)).mode & 0o777, 0o666)
  await rejects(start(path, '2'.repeat(64)), { code: 'ERR_SIMULATOR_SOCKET' })
  equal(await readFile(join(dirname(path), 'token'), 'utf8'), '1'.repeat(64))
})
