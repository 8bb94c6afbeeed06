import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parseQuote, parseReport } from '@alcove/sgx'
import fc from 'fast-check'
import { connectPlatform, type EnclaveManifest, SimulatedQuoting } from '../client/index.ts'
import { measureManifest } from '../client/layout.ts'
import { createPlatform, type Platform } from '../platform/platform.ts'
import { encodeFrame, FrameDecoder } from '../protocol/index.ts'
import { type ServeOptions, type ServerEvent, serveSimulatedPlatform } from './index.ts'

const tokens = { enclave: 'e'.repeat(64), provision: 'p'.repeat(64) }
const MIB = 2 ** 20
const signal = new AbortController().signal

function newPlatform(epcBytes = 4 * MIB): Platform {
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => new Date('2026-05-01T12:00:00Z'),
    random: length => new Uint8Array(length).fill(1),
    epcBytes,
  })
}

async function socketPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-sim-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'platform.socket')
}

async function serve(t: TestContext, options: Partial<ServeOptions> = {}) {
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

const manifest: EnclaveManifest = {
  name: 'hello',
  main: 'main.ts',
  files: ['*.ts'],
  heapMiB: 1,
  isvProdId: 4,
  isvSvn: 5,
  debug: false,
  signer: 'test',
}
const folder = {
  list: async () => ['main.ts', 'big.ts'],
  read: async (path: string) => new Uint8Array(path === 'big.ts' ? 300_000 : 10).fill(65),
}

async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    ok(tries < 200, 'not within 2 s')
    await delay(10)
  }
}

/** A peer that speaks bytes. */
async function rawPeer(t: TestContext, path: string): Promise<Socket> {
  const socket = connect(path)
  t.after(() => socket.destroy())
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function everythingFrom(socket: Socket): Promise<unknown[]> {
  const decoder = new FrameDecoder('ERR_SIMULATOR_ANSWER')
  const values: unknown[] = []
  for await (const chunk of socket) values.push(...decoder.push(chunk))
  return values
}

test('a program loads an enclave over the socket: MRENCLAVE is what a relying party computes', async t => {
  const { path, platform } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.loadEnclave(manifest, folder)
  const expected = await measureManifest(manifest, folder)
  equal(enclave.mrEnclave.toHex(), expected.mrEnclave.toHex())
  equal(enclave.mrSigner.toHex(), expected.mrSigner.toHex())
  equal((await client.epc()).node.freeBytes, 4 * MIB - expected.epcBytes)
  const report = await enclave.report(platform.quoting.targetInfo, new Uint8Array(64).fill(8))
  const { body } = parseReport(report)
  equal(body.isvProdId, 4)
  equal(body.isvSvn, 5)
  equal(body.mrEnclave.toHex(), expected.mrEnclave.toHex())
  await enclave.destroy()
  equal((await client.epc()).node.freeBytes, 4 * MIB)
})

test('a quote helper has the REPORT quoted, and the QE report over it', async t => {
  const { path, platform } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.loadEnclave(manifest, folder)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  const { targetInfo, pubKeyId } = await quoting.init(signal)
  equal(pubKeyId.toHex(), platform.quoting.pubKeyId.toHex())
  const report = await enclave.report(targetInfo, new Uint8Array(64))
  const { quote, qeReport } = await quoting.quote({ report }, signal)
  equal(qeReport, undefined)
  equal(quote.byteLength, await quoting.quoteSize(signal))
  equal(parseQuote(quote).body.mrEnclave.toHex(), enclave.mrEnclave.toHex())
  const qeReportInfo = new Uint8Array(960)
  qeReportInfo.set(enclave.targetInfo, 16)
  equal((await quoting.quote({ report, qeReportInfo }, signal)).qeReport?.byteLength, 432)
})

test('a REPORT with a wrong MAC comes back as AESM 47', async t => {
  const { path } = await serve(t)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  await rejects(quoting.quote({ report: new Uint8Array(432) }, signal), {
    code: 'ERR_SIMULATOR_REPORT',
    aesmCode: 47,
  })
})

test("a connection's end gives its pages back", async t => {
  const { path, platform, events } = await serve(t)
  const client = await connectPlatform(path, tokens.enclave)
  await client.loadEnclave(manifest, folder)
  ok(platform.epc().node.freeBytes < 4 * MIB)
  await client.close()
  await eventually(() => platform.epc().node.freeBytes === 4 * MIB)
  const { epcBytes } = await measureManifest(manifest, folder)
  deepEqual(events, [{ event: 'ended', pagesGivenBack: epcBytes / 4096 }])
})

test('a program killed with -9 gives its pages back', async t => {
  const { path, platform } = await serve(t)
  const module = join(import.meta.dirname, '../client/index.ts')
  const script = `
    import { connectPlatform } from ${JSON.stringify(module)}
    const client = await connectPlatform(${JSON.stringify(path)}, ${JSON.stringify(tokens.enclave)})
    const enclave = await client.createEnclave({ sizeBytes: 65536, ssaFrameSize: 1, debug: false })
    await enclave.add({ offset: 0, secinfoFlags: 0x203, count: 9 })
    console.log('loaded')`
  const program = spawn(process.execPath, ['--input-type=module', '-e', script])
  await once(program.stdout, 'data')
  equal(platform.epc().node.freeBytes, 4 * MIB - 10 * 4096)
  program.kill('SIGKILL')
  await once(program, 'exit')
  await eventually(() => platform.epc().node.freeBytes === 4 * MIB)
})

test('programs share the EPC; one too many is refused, told what is free, and takes nothing', async t => {
  const { path, platform } = await serve(t, { platform: newPlatform(2 * MIB) })
  await using first = await connectPlatform(path, tokens.enclave)
  await using second = await connectPlatform(path, tokens.enclave)
  await first.loadEnclave(manifest, folder)
  const { freeBytes } = platform.epc().node
  const { reserve } = platform.epc()
  await rejects(second.loadEnclave(manifest, folder), error => {
    match(String(error), /out of EPC: .* lower heapMiB/)
    deepEqual({ ...Object(error) }.epc.totalBytes, 2 * MIB)
    return true
  })
  equal(platform.epc().node.freeBytes, freeBytes)
  deepEqual(platform.epc().reserve, reserve)
})

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

test('EPC, root and collateral are public', async t => {
  const { path, platform } = await serve(t)
  await using client = await connectPlatform(path, undefined)
  deepEqual(await client.epc(), platform.epc())
  equal(await client.root(), platform.rootPem)
  equal(
    (await client.collateral()).pck_crl_issuer_chain,
    platform.collateral().pck_crl_issuer_chain,
  )
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

test('the socket is for its owner only, and gone when the server is', async t => {
  const { path, server } = await serve(t)
  equal((await stat(path)).mode & 0o777, 0o600)
  await server[Symbol.asyncDispose]()
  await rejects(stat(path), { code: 'ENOENT' })
})

test('a path over 107 bytes is refused, and so is one that a live platform has', async t => {
  const refused = (message: RegExp) => ({ code: 'ERR_SIMULATOR_SOCKET', message })
  const platform = newPlatform()
  const long = join(tmpdir(), 'x'.repeat(107))
  await rejects(
    serveSimulatedPlatform({ path: long, platform, tokens }),
    refused(/over the 107 .* shorter directory/),
  )
  const { path } = await serve(t)
  await rejects(serveSimulatedPlatform({ path, platform, tokens }), refused(/another platform/))
  const missing = join(path, '../none/platform.socket')
  await rejects(
    serveSimulatedPlatform({ path: missing, platform, tokens }),
    refused(/cannot listen/),
  )
})

test('the socket that a killed platform left is replaced', async t => {
  const path = await socketPath(t)
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const dead = spawn(process.execPath, ['-e', script])
  await once(dead.stdout, 'data')
  dead.kill('SIGKILL')
  await once(dead, 'exit')
  ok((await stat(path)).isSocket())
  await using _server = await serveSimulatedPlatform({ path, platform: newPlatform(), tokens })
  await (await connectPlatform(path, undefined)).close()
})

test('a file at the path that is no socket is left alone', async t => {
  const path = await socketPath(t)
  await writeFile(path, 'precious')
  await rejects(serveSimulatedPlatform({ path, platform: newPlatform(), tokens }), {
    code: 'ERR_SIMULATOR_SOCKET',
  })
  equal(await readFile(path, 'utf8'), 'precious')
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

test('nobody at the path is an error that says so', async t => {
  const path = await socketPath(t)
  const unreachable = { code: 'ERR_SIMULATOR_UNREACHABLE', aesmCode: 30 }
  await rejects(connectPlatform(path, tokens.enclave), unreachable)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  await rejects(quoting.init(signal), unreachable)
})

test('quoting goes on when the platform has restarted; enclaves are gone with the old one', async t => {
  const { path, server } = await serve(t)
  const client = await connectPlatform(path, tokens.enclave)
  const enclave = await client.loadEnclave(manifest, folder)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  const { targetInfo } = await quoting.init(signal)
  const report = await enclave.report(targetInfo, new Uint8Array(64))
  await server[Symbol.asyncDispose]()
  await client.ended
  await rejects(enclave.report(targetInfo, new Uint8Array(64)), {
    code: 'ERR_SIMULATOR_UNREACHABLE',
    message: /enclaves on it are gone, start the program again/,
  })
  await using _again = await serveSimulatedPlatform({ path, platform: newPlatform(), tokens })
  ok((await quoting.quote({ report }, signal)).quote)
})

test('a platform that does not answer in time is given up on, without disturbing other requests', async t => {
  const { path } = await serve(t)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  await quoting.init(signal)
  const impatient = new AbortController()
  const given = quoting.quoteSize(impatient.signal)
  const other = quoting.quoteSize(signal)
  impatient.abort()
  await rejects(given, { code: 'ERR_SIMULATOR_TIMEOUT' })
  ok(await other)
})
