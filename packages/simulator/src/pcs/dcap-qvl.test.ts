import { equal, throws } from 'node:assert/strict'
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import {
  encodeQuote,
  encodeQuoteSignedPart,
  encodeReportBody,
  INTEL_QE_VENDOR_ID,
  type QuoteFields,
  type ReportBody,
} from '@alcove/sgx'
import qvl from '@phala/dcap-qvl'
import { type CollateralFile, cpuSvnFor, createPcs, type PckCa, type TcbStatus } from './index.ts'
import { deriveP256 } from './p256.ts'

// Another verifier's opinion of what the simulated PCS issues, on quotes laid out here.

const seed = new Uint8Array(32).fill(9)
const now = new Date('2026-03-01T12:00:00Z')
const seconds = now.getTime() / 1000
const pcs = createPcs({ seed, now })
const fmspc = Uint8Array.fromHex('a1c0ff000001')
const pceId = Uint8Array.of(0, 0)
const verifier = qvl.QuoteVerifier.newWithRootCa(Buffer.from(pcs.rootCertificate))
const attestationKey = deriveP256(seed, 'attestation key of a test')

const body = (changes: Partial<ReportBody>): ReportBody => ({
  cpuSvn: new Uint8Array(16),
  miscSelect: 0,
  isvExtProdId: new Uint8Array(16),
  attributes: { flags: 0x5n, xfrm: 0x7n },
  mrEnclave: new Uint8Array(32).fill(1),
  mrSigner: new Uint8Array(32).fill(2),
  configId: new Uint8Array(64),
  isvProdId: 1,
  isvSvn: 8,
  configSvn: 0,
  isvFamilyId: new Uint8Array(16),
  reportData: new Uint8Array(64),
  ...changes,
})

function collateral(ca: PckCa): ReturnType<typeof forQvl> {
  const qe = body({})
  const qeIdentity = { ...qe, attributes: { flags: 0x15n, xfrm: 0xe7n } }
  return forQvl(pcs.collateral({ fmspc, pceId, ca, at: now, qeIdentity }))
}

/** Its form of collateral has the signatures beside the JSON that they are over. */
function forQvl(file: CollateralFile): Parameters<typeof verifier.verify>[1] {
  const split = (text: string) => /^{"\w+":(.+),"signature":"(\w+)"}$/.exec(text) ?? []
  const [, tcb_info = '', tcb_info_signature = ''] = split(file.tcb_info)
  const [, qe_identity = '', qe_identity_signature = ''] = split(file.qe_identity)
  return { ...file, tcb_info, tcb_info_signature, qe_identity, qe_identity_signature }
}

function quoteOf(status: TcbStatus, ca: PckCa, qe: Partial<ReportBody> = {}): Uint8Array {
  const ppid = new Uint8Array(16).fill(3)
  const pck = pcs.certifyPlatform({ ppid, ...cpuSvnFor(status), pceId, fmspc, ca })
  const publicKey = rawPublicKey(attestationKey)
  const qeAuthData = Uint8Array.from({ length: 32 }, (_, index) => index)
  const hash = createHash('sha256').update(publicKey).update(qeAuthData).digest()
  const qeReportBytes = encodeReportBody(
    body({
      attributes: { flags: 0x15n, xfrm: 0xe7n },
      reportData: concatBytes(hash, new Uint8Array(32)),
      ...qe,
    }),
  )
  const header: QuoteFields['header'] = {
    version: 3,
    attestationKeyType: 2,
    qeSvn: 8,
    pceSvn: 13,
    qeVendorId: INTEL_QE_VENDOR_ID,
    userData: new Uint8Array(20),
  }
  return encodeQuote({
    header,
    body: body({}),
    signature: rawSignature(encodeQuoteSignedPart(header, body({})), attestationKey),
    attestationKey: publicKey,
    qeReportBytes,
    qeReportSignature: rawSignature(qeReportBytes, pck.privateKey),
    qeAuthData,
    certification: { type: 5, data: new TextEncoder().encode(pck.chainPem) },
  })
}

function rawSignature(data: Uint8Array, key: KeyObject): Uint8Array {
  return Uint8Array.from(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }))
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  return Uint8Array.from(Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]))
}

for (const ca of ['processor', 'platform'] as const) {
  for (const status of [
    'UpToDate',
    'SWHardeningNeeded',
    'ConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDate',
    'OutOfDateConfigurationNeeded',
  ] as const) {
    test(`dcap-qvl: a ${ca} CA platform made for ${status} comes out as ${status}`, () => {
      const report = verifier.verify(quoteOf(status, ca), collateral(ca), seconds)
      equal(report.status, status)
      equal(report.advisory_ids.length === 0, status === 'UpToDate')
      for (const id of report.advisory_ids) equal(id.startsWith('ALCOVE-SIM-SA-'), true)
    })
  }
}

test('dcap-qvl: a platform made for Revoked is refused as revoked', () => {
  throws(() => verifier.verify(quoteOf('Revoked', 'platform'), collateral('platform'), seconds), {
    message: 'TCB status is invalid: Revoked',
  })
})

test('dcap-qvl: a QE one ISVSVN behind makes an up-to-date platform out of date', () => {
  const quote = quoteOf('UpToDate', 'platform', { isvSvn: 7 })
  equal(verifier.verify(quote, collateral('platform'), seconds).status, 'OutOfDate')
})

test("dcap-qvl: a quote under the simulated root is refused under Intel's", () => {
  throws(() =>
    qvl.QuoteVerifier.newProd().verify(
      quoteOf('UpToDate', 'platform'),
      collateral('platform'),
      seconds,
    ),
  )
})
