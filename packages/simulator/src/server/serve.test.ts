// Over 300 lines: a program's whole conversation with the platform, operation by operation, over one kind of socket.
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  AttributeFlag,
  encodeKeyRequest,
  KeyName,
  KeyPolicy,
  type KeyRequest,
  parseQuote,
  parseReport,
  parseTargetInfo,
} from '@alcove/sgx'
import {
  eventually,
  folder,
  MIB,
  manifest,
  newPlatform,
  serve,
  socketPath,
  tokens,
} from '../../testing/served-platform.ts'
import { aesCmac, connectPlatform, SimulatedQuoting } from '../client/index.ts'
import { measureManifest } from '../client/layout.ts'
import { firstPublication, type Publication, recover } from '../pcs/index.ts'
import type { Platform } from '../platform/platform.ts'
import { isSameState, newPlatformState } from '../platform/platform-state.ts'
import { serveSimulatedPlatform } from './index.ts'

const signal = new AbortController().signal

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
  const { tee, body } = parseQuote(quote)
  ok(tee === 'SGX')
  equal(body.mrEnclave.toHex(), enclave.mrEnclave.toHex())
  const qeReportInfo = new Uint8Array(960)
  qeReportInfo.set(enclave.targetInfo, 16)
  equal((await quoting.quote({ report, qeReportInfo }, signal)).qeReport?.byteLength, 432)
})

const keyRequest: KeyRequest = {
  keyName: KeyName.seal,
  keyPolicy: KeyPolicy.mrEnclave,
  isvSvn: 5,
  cpuSvn: new Uint8Array(16),
  attributeMask: { flags: 0n, xfrm: 0n },
  keyId: new Uint8Array(32),
  miscMask: 0,
  configSvn: 0,
}

test('two enclaves attest each other: the one checks the REPORT of the other with its REPORT key', async t => {
  const { path } = await serve(t)
  await using one = await connectPlatform(path, tokens.enclave)
  await using two = await connectPlatform(path, tokens.enclave)
  const verifier = await one.loadEnclave(manifest, folder)
  const reporter = await two.loadEnclave({ ...manifest, name: 'other' }, folder)
  const bytes = await reporter.report(verifier.targetInfo, new Uint8Array(64).fill(9))
  const { keyId, mac } = parseReport(bytes)
  const reportKey = { ...keyRequest, keyName: KeyName.report, keyPolicy: 0, keyId }
  const key = await verifier.getKey(encodeKeyRequest(reportKey))
  equal(aesCmac(key, bytes.subarray(0, 384)).toHex(), mac.toHex())
  const foreign = await reporter.getKey(encodeKeyRequest(reportKey))
  ok(aesCmac(foreign, bytes.subarray(0, 384)).toHex() !== mac.toHex())
})

test('a program has the SEAL keys of its enclave, also after a restart of both, and refusals by their codes', async t => {
  const { path, server } = await serve(t)
  const first = await connectPlatform(path, tokens.enclave)
  const before = await (await first.loadEnclave(manifest, folder)).getKey(
    encodeKeyRequest(keyRequest),
  )
  equal(before.byteLength, 16)
  await server[Symbol.asyncDispose]()
  await using _again = await serveSimulatedPlatform({ path, platform: newPlatform(), tokens })
  await using second = await connectPlatform(path, tokens.enclave)
  const enclave = await second.loadEnclave(manifest, folder)
  equal((await enclave.getKey(encodeKeyRequest(keyRequest))).toHex(), before.toHex())
  await rejects(enclave.getKey(encodeKeyRequest({ ...keyRequest, isvSvn: 6 })), {
    code: 'ERR_SIMULATOR_KEY_ISVSVN',
    message: /ISVSVN 6 is above the current one, 5/,
  })
  await rejects(enclave.getKey(new Uint8Array(511)), { code: 'ERR_SIMULATOR_REQUEST' })
})

test('the KSS fields of a manifest are in TARGETINFO, in the REPORT and in what its policy makes of keys', async t => {
  const { path } = await serve(t)
  await using client = await connectPlatform(path, tokens.enclave)
  const kss = {
    familyId: 'f1'.repeat(16),
    extProdId: 'e2'.repeat(16),
    configId: 'c3'.repeat(64),
    configSvn: 9,
  }
  const plain = await client.loadEnclave(manifest, folder)
  const enclave = await client.loadEnclave({ ...manifest, kss }, folder)
  equal(enclave.mrEnclave.toHex(), plain.mrEnclave.toHex())
  const target = parseTargetInfo(enclave.targetInfo)
  equal(target.configId.toHex(), kss.configId)
  equal(target.configSvn, 9)
  equal(target.attributes.flags & AttributeFlag.kss, AttributeFlag.kss)
  const { body } = parseReport(await enclave.report(plain.targetInfo, new Uint8Array(64)))
  equal(body.isvFamilyId.toHex(), kss.familyId)
  equal(body.isvExtProdId.toHex(), kss.extProdId)
  equal(body.configId.toHex(), kss.configId)
  equal(body.configSvn, 9)
  const other = await client.loadEnclave(
    { ...manifest, kss: { ...kss, configId: 'c4'.repeat(64) } },
    folder,
  )
  const keyOf = async (of: typeof enclave, keyPolicy: number) =>
    (await of.getKey(encodeKeyRequest({ ...keyRequest, keyPolicy, configSvn: 9 }))).toHex()
  equal(await keyOf(enclave, KeyPolicy.mrEnclave), await keyOf(other, KeyPolicy.mrEnclave))
  ok((await keyOf(enclave, KeyPolicy.configId)) !== (await keyOf(other, KeyPolicy.configId)))
  await rejects(keyOf(plain, KeyPolicy.configId), { code: 'ERR_SIMULATOR_KEY_POLICY' })
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

test('a platform whose state is another restarts on request: its enclaves end, quoting goes on with another key', async t => {
  let publication: Publication = firstPublication
  const state = () => newPlatformState('node', publication)
  const reload = (served: Platform) =>
    isSameState(served.state, state()) ? served : newPlatform(4 * MIB, { state: state() })
  const { path, server } = await serve(t, { reload })
  const program = await connectPlatform(path, tokens.enclave)
  const enclave = await program.loadEnclave(manifest, folder)
  await using quoting = new SimulatedQuoting({ path, token: tokens.provision })
  const before = await quoting.init(signal)
  const stale = await enclave.report(before.targetInfo, new Uint8Array(64))
  await using operator = await connectPlatform(path, undefined)
  const tcb = await operator.tcb()
  equal((await operator.reload()).restarted, false)
  equal((await enclave.report(before.targetInfo, new Uint8Array(64))).byteLength, 432)

  publication = recover(firstPublication, new Date('2026-06-01T00:00:00Z'))
  const after = await operator.reload()
  equal(after.restarted, true)
  deepEqual([tcb.qeIsvSvn, after.qeIsvSvn], [8, 9])
  notEqual(after.cpuSvn.toHex(), tcb.cpuSvn.toHex())
  await program.ended
  deepEqual((await operator.epc()).node, { totalBytes: 4 * MIB, freeBytes: 4 * MIB })
  // What an old client holds is refused as Intel's daemon does, so that it begins again with init.
  await rejects(quoting.quote({ report: stale }, signal), { aesmCode: 47 })
  const { pubKeyId, targetInfo } = await quoting.init(signal)
  notEqual(pubKeyId.toHex(), before.pubKeyId.toHex())
  notEqual(targetInfo.toHex(), before.targetInfo.toHex())
  await using again = await connectPlatform(path, tokens.enclave)
  const fresh = await (await again.loadEnclave(manifest, folder)).report(
    targetInfo,
    new Uint8Array(64),
  )
  ok((await quoting.quote({ report: fresh }, signal)).quote)
  await server[Symbol.asyncDispose]()
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
