import { deepEqual, equal, notEqual, ok, throws } from 'node:assert/strict'
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { INTEL_QE_VENDOR_ID, parseQuote, parseReport, parseTargetInfo } from '@alcove/sgx'
import fc from 'fast-check'
import { simulatedMrSigner } from '../client/signer.ts'
import type { Enclave } from './enclave.ts'
import { isReportAuthentic, splitReport } from './keys.ts'
import { createPlatform, type Platform, type PlatformOptions } from './platform.ts'

const now = new Date('2026-05-01T12:00:00Z')

function platformWith(changes: Partial<PlatformOptions> = {}): Platform {
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => now,
    random: length => new Uint8Array(length).fill(1),
    epcBytes: 2 ** 20,
    ...changes,
  })
}

function enclaveOn(platform: Platform): Enclave {
  const enclave = platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  enclave.addMeasured(0, 0x205n, new Uint8Array(4096).fill(3))
  enclave.init({ mrSigner: simulatedMrSigner('test'), isvProdId: 1, isvSvn: 2 })
  return enclave
}

const reportData = new Uint8Array(64).fill(8)
const platform = platformWith()
const enclave = enclaveOn(platform)
const reportOf = (of: Enclave, on: Platform) =>
  of.report(parseTargetInfo(on.quoting.targetInfo), reportData)
const report = reportOf(enclave, platform)
const refused = { code: 'ERR_SIMULATOR_REPORT', aesmCode: 47 }
const sha256 = (...parts: Uint8Array[]) =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest('hex')

test("a quote carries the REPORT's body, with the header that Intel's quoting enclave writes", () => {
  const { header, body, qeAuthData, byteLength } = parseQuote(
    platform.quoting.quote({ report }).quote,
  )
  deepEqual(body, parseReport(report).body)
  equal(header.version, 3)
  equal(header.attestationKeyType, 2)
  equal(header.qeSvn, 8)
  equal(header.pceSvn, 13)
  equal(header.qeVendorId.toHex(), INTEL_QE_VENDOR_ID.toHex())
  equal(header.userData.toHex().slice(32), '00000000')
  equal(
    qeAuthData.toHex(),
    Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0')).join(''),
  )
  equal(byteLength, platform.quoting.quoteBytes)
})

test('its signatures chain from the PCK certificate over the QE report to the attestation key', () => {
  const quote = parseQuote(platform.quoting.quote({ report }).quote)
  equal(quote.certification.type, 5)
  const leaf = new X509Certificate(quote.certification.data)
  const raw = 'ieee-p1363'
  ok(
    verify(
      'sha256',
      quote.qeReportBytes,
      { key: leaf.publicKey, dsaEncoding: raw },
      quote.qeReportSignature,
    ),
  )
  equal(
    quote.qeReport.reportData.toHex(),
    `${sha256(quote.attestationKey, quote.qeAuthData)}${'00'.repeat(32)}`,
  )
  const spki = concatBytes(
    Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
    quote.attestationKey,
  )
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  ok(verify('sha256', quote.signedBytes, { key, dsaEncoding: raw }, quote.signature))
  equal(platform.quoting.pubKeyId.toHex(), sha256(quote.attestationKey))
})

test("the quoting enclave is the simulator's own, not Intel's, and may use the provision key", () => {
  const { qeReport } = parseQuote(platform.quoting.quote({ report }).quote)
  equal(qeReport.mrSigner.toHex(), simulatedMrSigner('alcove-platform-quoting').toHex())
  equal(qeReport.isvProdId, 1)
  equal(qeReport.isvSvn, 8)
  equal(qeReport.attributes.flags, 0x15n)
})

test('on request the quoting enclave reports to the application that the quote is its own', () => {
  const nonce = new Uint8Array(16).fill(9)
  const qeReportInfo = concatBytes(nonce, enclave.targetInfo(), new Uint8Array(432))
  const { quote, qeReport } = platform.quoting.quote({ report, qeReportInfo })
  ok(qeReport)
  const { body, keyId } = parseReport(qeReport)
  equal(body.reportData.toHex(), `${sha256(nonce, quote)}${'00'.repeat(32)}`)
  equal(body.mrEnclave.toHex(), platform.quoting.qeIdentity.mrEnclave.toHex())
  const key = enclave.getKey({
    keyName: 3,
    keyPolicy: 0,
    isvSvn: 0,
    cpuSvn: new Uint8Array(16),
    attributeMask: { flags: 0n, xfrm: 0n },
    keyId,
    miscMask: 0,
    configSvn: 0,
  })
  equal(isReportAuthentic(splitReport(qeReport), key), true)
  equal(platform.quoting.quote({ report }).qeReport, undefined)
})

test('a REPORT with any byte altered is refused', () => {
  fc.assert(
    fc.property(fc.nat(431), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const altered = report.slice()
      altered[index] = (altered[index] ?? 0) ^ change
      throws(() => platform.quoting.quote({ report: altered }), refused)
    }),
  )
})

test('a REPORT for another enclave than the quoting enclave is refused', () => {
  const target = parseTargetInfo(enclave.targetInfo())
  throws(() => platform.quoting.quote({ report: enclave.report(target, reportData) }), refused)
  const qe = parseTargetInfo(platform.quoting.targetInfo)
  const debug = { ...qe, attributes: { ...qe.attributes, flags: qe.attributes.flags | 2n } }
  throws(() => platform.quoting.quote({ report: enclave.report(debug, reportData) }), refused)
})

test('a REPORT of another machine is refused', () => {
  const other = platformWith({ seed: new Uint8Array(32).fill(8) })
  throws(() => platform.quoting.quote({ report: reportOf(enclaveOn(other), other) }), refused)
})

test('operands of another length are refused by name', () => {
  const truncated = { code: 'ERR_FORMAT_TRUNCATED' }
  throws(() => platform.quoting.quote({ report: report.subarray(1) }), truncated)
  const qeReportInfo = new Uint8Array(959)
  throws(() => platform.quoting.quote({ report, qeReportInfo }), truncated)
})

test('the quoting enclaves live in the reserve, and programs in the EPC of the node', () => {
  const fresh = platformWith()
  const { node, reserve } = fresh.epc()
  equal(node.freeBytes, 2 ** 20)
  equal(reserve.totalBytes, 4 * 2 ** 20)
  equal(reserve.freeBytes, reserve.totalBytes - 2 * 4 * 4096)
  const program = enclaveOn(fresh)
  equal(fresh.epc().node.freeBytes, 2 ** 20 - 2 * 4096)
  deepEqual(fresh.epc().reserve, reserve)
  program.destroy()
  equal(fresh.epc().node.freeBytes, 2 ** 20)
})

test('a node whose EPC is spent still makes quotes', () => {
  const small = platformWith({ epcBytes: 3 * 4096 })
  const program = enclaveOn(small)
  throws(() => enclaveOn(small), { code: 'ERR_SIMULATOR_OUT_OF_EPC' })
  ok(small.quoting.quote({ report: reportOf(program, small) }))
})

test('a reserve too small for the quoting enclaves is refused at the start', () => {
  throws(() => platformWith({ reserveBytes: 4096 }), { code: 'ERR_SIMULATOR_OUT_OF_EPC' })
})

test('the same seed after a restart: same keys, same root, and a REPORT made before is still good', () => {
  const again = platformWith({
    stored: platform.stored(),
    now: () => new Date('2026-06-01T00:00:00Z'),
    random: length => new Uint8Array(length).fill(2),
  })
  equal(again.rootPem, platform.rootPem)
  equal(again.quoting.pubKeyId.toHex(), platform.quoting.pubKeyId.toHex())
  equal(again.quoting.targetInfo.toHex(), platform.quoting.targetInfo.toHex())
  ok(again.quoting.quote({ report }))
})

test('another seed: other keys, another root', () => {
  const other = platformWith({ seed: new Uint8Array(32).fill(8) })
  notEqual(other.rootPem, platform.rootPem)
  notEqual(other.quoting.pubKeyId.toHex(), platform.quoting.pubKeyId.toHex())
})
