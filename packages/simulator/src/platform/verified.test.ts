import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import {
  appraise,
  defaultPolicy,
  intelRoots,
  levelStatuses,
  parseCollateral,
  verify,
} from '@alcove/dcap'
import { parseTargetInfo } from '@alcove/sgx'
import { QuoteVerifier } from '@phala/dcap-qvl'
import { simulatedMrSigner } from '../client/signer.ts'
import type { LevelStatus } from '../pcs/index.ts'
import { createPlatform, type Platform } from './platform.ts'

const at = new Date('2026-05-01T12:00:00Z')

function platformAt(tcb: LevelStatus, ca: 'processor' | 'platform' = 'processor'): Platform {
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    now: () => at,
    random: length => new Uint8Array(length).fill(1),
    epcBytes: 2 ** 20,
    tcb,
    ca,
  })
}

function quoteOf(platform: Platform, debug = false): Uint8Array {
  const enclave = platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug })
  enclave.addMeasured(0, 0x205n, new Uint8Array(4096).fill(3))
  enclave.init({ mrSigner: simulatedMrSigner('test'), isvProdId: 1, isvSvn: 2 })
  const target = parseTargetInfo(platform.quoting.targetInfo)
  return platform.quoting.quote({ report: enclave.report(target, new Uint8Array(64).fill(8)) })
    .quote
}

const ours = (platform: Platform, quote: Uint8Array, roots = [platform.rootCertificate]) =>
  verify(quote, parseCollateral(JSON.stringify(platform.collateral())), { at, roots })

/** The signed text and its signature apart, as that library wants them. */
function theirs(platform: Platform, quote: Uint8Array, root = platform.rootCertificate) {
  const { tcb_info, qe_identity, ...rest } = platform.collateral()
  const tcbInfo = signedPart(tcb_info, 'tcbInfo')
  const qeIdentity = signedPart(qe_identity, 'enclaveIdentity')
  const collateral = {
    ...rest,
    tcb_info: tcbInfo.text,
    tcb_info_signature: tcbInfo.signature,
    qe_identity: qeIdentity.text,
    qe_identity_signature: qeIdentity.signature,
  }
  const verifier = QuoteVerifier.newWithRootCa(Buffer.from(root))
  return verifier.verify(Buffer.from(quote), collateral, at.getTime() / 1000)
}

function signedPart(json: string, key: string): { text: string; signature: string } {
  const value: Record<string, unknown> = JSON.parse(json)
  return { text: JSON.stringify(value[key]), signature: String(value['signature']) }
}

for (const status of levelStatuses) {
  test(`a platform started as ${status} is found ${status} by this verifier and by another`, () => {
    const platform = platformAt(status)
    const quote = quoteOf(platform)
    equal(ours(platform, quote).status, status)
    if (status === 'Revoked')
      throws(() => theirs(platform, quote), /TCB status is invalid: Revoked/)
    else equal(theirs(platform, quote).status, status)
  })
}

for (const ca of ['processor', 'platform'] as const) {
  test(`every step of verification holds for a platform under the ${ca} CA`, () => {
    const platform = platformAt('UpToDate', ca)
    const steps: string[] = []
    const collateral = parseCollateral(JSON.stringify(platform.collateral()))
    const verified = verify(quoteOf(platform), collateral, {
      at,
      roots: [platform.rootCertificate],
      onStep: ({ name }) => steps.push(name),
    })
    deepEqual(steps, [
      'pck-chain',
      'root-ca-crl',
      'pck-crl',
      'tcb-info',
      'qe-identity',
      'platform',
      'qe-report',
      'attestation-key',
      'qe-matches-identity',
      'quote-signature',
      'tcb-status',
    ])
    deepEqual(verified.expired, [])
    deepEqual(verified.notYetValid, [])
    ok(verified.claims.tee === 'SGX')
    equal(verified.claims.isvProdId, 1)
    equal(verified.claims.isvSvn, 2)
    equal(verified.claims.debug, false)
    equal(verified.claims.mrSigner, simulatedMrSigner('test').toHex())
    match(verified.rootName, /Simulated/)
    equal(theirs(platform, quoteOf(platform)).status, 'UpToDate')
  })
}

test("a simulated quote is refused under Intel's roots, by this verifier and by another", () => {
  const platform = platformAt('UpToDate')
  const quote = quoteOf(platform)
  throws(() => ours(platform, quote, [...intelRoots]), { code: /^ERR_VERIFY_/ })
  for (const root of intelRoots) throws(() => theirs(platform, quote, root))
})

test('the default policy trusts an enclave on a current platform, and no debug enclave', () => {
  const platform = platformAt('UpToDate')
  deepEqual(appraise(ours(platform, quoteOf(platform)), defaultPolicy), { trusted: true })
  const verdict = appraise(ours(platform, quoteOf(platform, true)), defaultPolicy)
  equal(verdict.trusted, false)
})
