import { equal, ok, rejects } from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import {
  eventually,
  everythingFrom,
  folder,
  MIB,
  manifest,
  rawPeer,
  serve,
  tokens,
} from '../../testing/served-platform.ts'
import { connectPlatform, SimulatedQuoting } from '../client/index.ts'
import { encodeFrame } from '../protocol/index.ts'

const signal = new AbortController().signal

test('no token, or the wrong one, opens nothing, and the refusal says where the right one is', async t => {
  const { path } = await serve(t)
  const refused = (message: RegExp) => ({ code: 'ERR_SIMULATOR_NOT_PERMITTED', message })
  for (const token of ['', 'x', `${tokens.enclave}\n`]) {
    await rejects(connectPlatform(path, token), refused(/read it from the device file/))
  }
  await using without = await connectPlatform(path, undefined)
  await rejects(without.loadEnclave(manifest, folder), refused(/dev\/sgx_enclave is allocated/))
  await using withProvision = await connectPlatform(path, tokens.provision)
  await rejects(withProvision.loadEnclave(manifest, folder), refused(/sgx_enclave/))
  await using quoting = new SimulatedQuoting({ path, token: tokens.enclave })
  await rejects(quoting.init(signal), refused(/sgx_provision/))
})

test('an enclave is out of reach of other connections', async t => {
  const { path } = await serve(t)
  await using owner = await connectPlatform(path, tokens.enclave)
  await owner.loadEnclave(manifest, folder)
  const other = await rawPeer(t, path)
  other.write(encodeFrame({ op: 'open', token: tokens.enclave }))
  other.end(encodeFrame({ op: 'destroy', enclave: 1 }))
  const [, answer] = await everythingFrom(other)
  equal(Object(answer).error.code, 'ERR_SIMULATOR_ORDER')
})

test("a program cannot sign in the platform's name", async t => {
  const { path } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  await rejects(enclave.init({ signer: 'alcove-platform-quoting', isvProdId: 1, isvSvn: 8 }), {
    code: 'ERR_SIMULATOR_OPERAND',
  })
})

test('a connection holds 16 enclaves and no more', async t => {
  const { path } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const create = () => client.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  const [first] = await Promise.all(Array.from({ length: 16 }, create))
  await rejects(create(), { code: 'ERR_SIMULATOR_BUSY', aesmCode: 18 })
  await first?.destroy()
  ok(await create())
})

test('garbage is answered and hung up on, and costs nobody else', async t => {
  const { path, events } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.loadEnclave(manifest, folder)
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x03\0\0\0abc', '\xff\xff\xff\x7f']) {
    const peer = await rawPeer(t, path)
    peer.write(Buffer.from(garbage, 'latin1'))
    const [answer, ...more] = await everythingFrom(peer)
    equal(Object(answer).error.code, 'ERR_SIMULATOR_REQUEST')
    equal(more.length, 0)
  }
  equal(events.filter(({ event }) => event === 'refused').length, 3)
  ok(await enclave.report(new Uint8Array(512), new Uint8Array(64)))
})

test('a request with wrong fields is refused, and the connection goes on', async t => {
  const { path } = await serve(t)
  const peer = await rawPeer(t, path)
  peer.write(encodeFrame({ op: 'epc', extra: true }))
  peer.end(encodeFrame({ op: 'epc' }))
  const [refusal, answer] = await everythingFrom(peer)
  equal(Object(refusal).error.code, 'ERR_SIMULATOR_REQUEST')
  equal(Object(answer).ok.node.totalBytes, 4 * MIB)
})

test('a peer that is silent without a token, or trickles a frame, is hung up on', async t => {
  const { path } = await serve(t, { limits: { deadlineMs: 60 } })
  const silent = await rawPeer(t, path)
  const trickling = await rawPeer(t, path)
  trickling.write(encodeFrame({ op: 'open', token: tokens.enclave }))
  const trickle = setInterval(() => trickling.write('\x01'), 20)
  t.after(() => clearInterval(trickle))
  const closed = (peer: Socket) => new Promise(resolve => peer.resume().once('close', resolve))
  await Promise.all([closed(silent), closed(trickling)])
})

test('a program that holds an enclave may be silent for as long as it likes', async t => {
  const { path } = await serve(t, { limits: { deadlineMs: 30 } })
  await using client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.loadEnclave(manifest, folder)
  await delay(100)
  ok(await enclave.report(new Uint8Array(512), new Uint8Array(64)))
})

test('one connection over the limit is told that the platform is busy', async t => {
  const { path, events } = await serve(t, { limits: { connections: 1 } })
  const first = await connectPlatform(path, tokens.enclave)
  await rejects(connectPlatform(path, tokens.enclave), { code: 'ERR_SIMULATOR_BUSY' })
  await first.close()
  await eventually(() => events.length > 0)
  await (await connectPlatform(path, tokens.enclave)).close()
})

test('whatever a peer with a token says, the platform goes on, and its end gives every page back', async t => {
  const { path, platform, events } = await serve(t)
  const enclave = fc.integer({ min: 1, max: 3 })
  const offset = fc.nat(20).map(page => page * 4096)
  const secinfoFlags = fc.constantFrom(0x203, 0x205, 0x100, 0)
  const request = fc.oneof(
    fc.record({
      op: fc.constant('create'),
      sizeBytes: fc.constantFrom(8192, 65_536, 12_288, 2 ** 36),
      ssaFrameSize: fc.integer({ min: 1, max: 16 }),
      debug: fc.boolean(),
    }),
    fc.record({
      op: fc.constant('addUnmeasured'),
      enclave,
      offset,
      secinfoFlags,
      count: fc.integer({ min: 1, max: 2000 }),
    }),
    fc.record({
      op: fc.constant('init'),
      enclave,
      signer: fc.string({ minLength: 1 }),
      isvProdId: fc.nat(0xffff),
      isvSvn: fc.nat(0xffff),
    }),
    fc.record({ op: fc.constant('destroy'), enclave }),
    fc.jsonValue(),
  )
  const property = fc.asyncProperty(fc.array(request, { maxLength: 30 }), async requests => {
    const peer = await rawPeer(t, path)
    for (const each of [{ op: 'open', token: tokens.enclave }, ...requests]) {
      peer.write(encodeFrame(each))
    }
    peer.end()
    equal((await everythingFrom(peer)).length, 1 + requests.length)
    await eventually(() => platform.epc().node.freeBytes === 4 * MIB)
  })
  await fc.assert(property, { numRuns: 50 })
  equal(events.filter(({ event }) => event === 'failed').length, 0)
})
