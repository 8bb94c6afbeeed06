import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash, createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { intelRoots, parseCollateral, parseCrl, parsePckCertificate, verify } from '@alcove/dcap'
import {
  encodeQuote,
  encodeQuoteSignedPart,
  encodeReportBody,
  INTEL_QE_VENDOR_ID,
  type QuoteHeader,
  type QuoteSubject,
  type ReportBody,
} from '@alcove/sgx'
import qvl from '@phala/dcap-qvl'
import { type CollateralFile, cpuSvnFor, createPcs, type LevelStatus, type PckCa } from './index.ts'
import { deriveP256 } from './p256.ts'

// What verifiers say of what the simulated PCS issues, on quotes laid out here.

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

function collateralFile(ca: PckCa): CollateralFile {
  const qeIdentity = { ...body({}), attributes: { flags: 0x15n, xfrm: 0xe7n } }
  return pcs.collateral({ fmspc, pceId, ca, at: now, qeIdentity })
}

const collateral = (ca: PckCa) => forQvl(collateralFile(ca))

/** Its form of collateral has the signatures beside the JSON that they are over. */
function forQvl(file: CollateralFile): Parameters<typeof verifier.verify>[1] {
  const split = (text: string) => /^{"\w+":(.+),"signature":"(\w+)"}$/.exec(text) ?? []
  const [, tcb_info = '', tcb_info_signature = ''] = split(file.tcb_info)
  const [, qe_identity = '', qe_identity_signature = ''] = split(file.qe_identity)
  return { ...file, tcb_info, tcb_info_signature, qe_identity, qe_identity_signature }
}

function quoteOf(status: LevelStatus, ca: PckCa, qe: Partial<ReportBody> = {}): Uint8Array {
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
  const header: QuoteHeader = {
    version: 3,
    attestationKeyType: 2,
    qeSvn: 8,
    pceSvn: 13,
    qeVendorId: INTEL_QE_VENDOR_ID,
    userData: new Uint8Array(20),
  }
  const subject: QuoteSubject = { header, tee: 'SGX', body: body({}) }
  return encodeQuote({
    ...subject,
    signature: rawSignature(encodeQuoteSignedPart(subject), attestationKey),
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

const acceptable = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
] as const

for (const ca of ['processor', 'platform'] as const) {
  for (const status of acceptable) {
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

const ofProcessorCa = {
  sgxType: 'standard',
  platformInstanceId: undefined,
  configuration: undefined,
}
const ofPlatformCa = {
  sgxType: 'scalable',
  platformInstanceId: 16,
  configuration: { dynamicPlatform: false, cachedKeys: false, smtEnabled: false },
}

const verified = (
  status: LevelStatus,
  ca: PckCa,
  qe: Partial<ReportBody> = {},
  roots = [pcs.rootCertificate],
) =>
  verify(quoteOf(status, ca, qe), parseCollateral(JSON.stringify(collateralFile(ca))), {
    at: now,
    roots,
  })

for (const ca of ['processor', 'platform'] as const) {
  for (const status of [...acceptable, 'Revoked'] as const) {
    test(`@alcove/dcap: a ${ca} CA platform made for ${status} comes out as ${status}`, () => {
      const outcome = verified(status, ca)
      equal(outcome.status, status)
      equal(outcome.fmspc, fmspc.toHex())
      deepEqual([outcome.expired, outcome.notYetValid], [[], []])
    })
  }
}

test('@alcove/dcap: a QE one ISVSVN behind makes an up-to-date platform out of date', () => {
  equal(verified('UpToDate', 'platform', { isvSvn: 7 }).status, 'OutOfDate')
})

test("@alcove/dcap: a quote under the simulated root is refused under Intel's", () => {
  throws(() => verified('UpToDate', 'platform', {}, [...intelRoots]), {
    code: 'ERR_VERIFY_UNTRUSTED_ROOT',
  })
})

for (const ca of ['processor', 'platform'] as const) {
  test(`@alcove/dcap: a ${ca} PCK certificate says what the platform is`, () => {
    const ppid = Uint8Array.from({ length: 16 }, (_, index) => index)
    const cpuSvn = Uint8Array.from({ length: 16 }, (_, index) => 240 + index)
    const platform = { ppid, cpuSvn, pceSvn: 65535, pceId: Uint8Array.of(1, 2), fmspc, ca }
    const leaf = new X509Certificate(pcs.certifyPlatform(platform).chainPem)
    const parsed = parsePckCertificate(leaf.raw)
    deepEqual(
      {
        ppid: parsed.ppid.toHex(),
        components: Uint8Array.from(parsed.components),
        cpuSvn: Uint8Array.from(parsed.cpuSvn),
        pceSvn: parsed.pceSvn,
        pceId: parsed.pceId,
        fmspc: parsed.fmspc,
        sgxType: parsed.sgxType,
        platformInstanceId: parsed.platformInstanceId?.byteLength,
        configuration: parsed.configuration,
      },
      {
        ppid: ppid.toHex(),
        components: cpuSvn,
        cpuSvn,
        pceSvn: 65535,
        pceId: '0102',
        fmspc: 'a1c0ff000001',
        ...(ca === 'processor' ? ofProcessorCa : ofPlatformCa),
      },
    )
  })

  test(`@alcove/dcap: the ${ca} CA's CRL and the root's revoke nothing, for 30 days and for a year`, () => {
    const file = collateralFile(ca)
    for (const [hex, days] of [
      [file.root_ca_crl, 365],
      [file.pck_crl, 30],
    ] as const) {
      const crl = parseCrl(Uint8Array.fromHex(hex))
      equal(crl.revoked.size, 0)
      equal(crl.crlNumber, seconds)
      equal(crl.authorityKeyId?.byteLength, 20)
      deepEqual(crl.thisUpdate, now)
      deepEqual(crl.nextUpdate, new Date(now.getTime() + days * 86_400_000))
    }
  })
}
