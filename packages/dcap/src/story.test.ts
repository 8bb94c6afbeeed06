import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import fc from 'fast-check'
import {
  appraise,
  type Collateral,
  defaultPolicy,
  intelRoots,
  parseCollateral,
  type Step,
  verify,
} from './index.ts'

const vectors = new URL('../../../vectors/', import.meta.url)
const quote = Uint8Array.from(readFileSync(new URL('sgx-v3-icelake/quote.bin', vectors)))
const collateral = parseCollateral(
  readFileSync(new URL('sgx-v3-icelake/collateral.json', vectors), 'utf8'),
)
const at = new Date('2023-05-29T17:54:21Z')
const roots = intelRoots

const run = (changes: { quote?: Uint8Array; collateral?: Partial<Collateral>; at?: Date } = {}) =>
  verify(
    changes.quote ?? quote,
    { ...collateral, ...changes.collateral },
    { at: changes.at ?? at, roots },
  )

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

const refusal = { name: /^(VerifyError|FormatError|CollateralError)$/ }

test('a real quote verifies, and each step is told in order', () => {
  const steps: Step[] = []
  const verified = verify(quote, collateral, { at, roots, onStep: step => steps.push(step) })
  equal(verified.status, 'OutOfDate')
  equal(verified.fmspc, '00606a000000')
  equal(verified.rootName, 'Intel SGX Root CA')
  equal(verified.claims.debug, false)
  ok(verified.claims.tee === 'SGX')
  equal(verified.claims.mrEnclave, quote.subarray(112, 144).toHex())
  equal(verified.claims.reportData.toHex(), quote.subarray(368, 432).toHex())
  deepEqual(
    steps.map(({ name }) => name),
    [
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
    ],
  )
})

/** Up to where PEM ends: a NUL and padding after it are nobody's. */
const signedBits = 8 * (quote.lastIndexOf(0x2d) + 1)

test('one flipped bit anywhere in a real quote is refused', () => {
  for (let bit = 0; bit < signedBits; bit += 61)
    throws(() => run({ quote: flipped(quote, bit) }), refusal)
  fc.assert(
    fc.property(fc.nat(signedBits - 1), bit => {
      throws(() => run({ quote: flipped(quote, bit) }), refusal)
    }),
    { numRuns: 400 },
  )
})

test('a quote cut short anywhere is refused', () => {
  for (let length = 0; length < signedBits / 8; length += 13) {
    throws(() => run({ quote: quote.subarray(0, length) }), refusal)
  }
})

test('which check a flipped bit trips is said by the code', () => {
  const chain = new TextDecoder('latin1').decode(quote)
  const second = chain.indexOf('BEGIN', chain.indexOf('END CERT'))
  for (const [byte, code] of [
    [112, 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE'],
    [20, 'ERR_VERIFY_UNSUPPORTED_QUOTE_FORMAT'],
    [440, 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE'],
    [510, 'ERR_VERIFY_INVALID_QE_REPORT_DATA'],
    [600, 'ERR_VERIFY_INVALID_QE_REPORT_SIGNATURE'],
    [960, 'ERR_VERIFY_INVALID_QE_REPORT_SIGNATURE'],
    [second - 50, 'ERR_VERIFY_PCK_INVALID_ISSUER'],
  ] as const) {
    throws(() => run({ quote: flipped(quote, 8 * byte + 1) }), { code })
  }
})

test('one flipped bit anywhere in a CRL is refused', () => {
  for (const part of ['rootCaCrl', 'pckCrl'] as const) {
    const der = collateral[part]
    fc.assert(
      fc.property(fc.nat(8 * der.byteLength - 1), bit => {
        throws(() => run({ collateral: { [part]: flipped(der, bit) } }), refusal)
      }),
      { numRuns: 150 },
    )
    // The last byte belongs to the signature's s.
    const forged = flipped(der, 8 * (der.byteLength - 1))
    throws(() => run({ collateral: { [part]: forged } }), {
      code: 'ERR_VERIFY_CRL_INVALID_SIGNATURE',
    })
  }
})

test('a list of another issuer is refused', () => {
  throws(() => run({ collateral: { pckCrl: collateral.rootCaCrl } }), {
    code: 'ERR_VERIFY_CRL_UNKNOWN_ISSUER',
    facts: { crl: 'PCK CRL', found: 'Intel SGX Root CA', wanted: 'Intel SGX PCK Platform CA' },
  })
})

test('a changed character in TCB info or QE identity is refused', () => {
  const { tcbInfo, qeIdentity } = collateral
  throws(() => run({ collateral: { tcbInfo: tcbInfo.replace('OutOfDate', 'UpToDate') } }), {
    code: 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE',
  })
  throws(() => run({ collateral: { tcbInfo: tcbInfo.replace('"version":3', '"version": 3') } }), {
    code: 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE',
  })
  const prodId = qeIdentity.replace('"isvprodid":1', '"isvprodid":2')
  throws(() => run({ collateral: { qeIdentity: prodId } }), {
    code: 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE',
  })
})

test('a signing chain of other certificates is refused', () => {
  throws(() => run({ collateral: { tcbInfoIssuerChain: collateral.pckCrlIssuerChain } }), {
    code: 'ERR_VERIFY_TCB_SIGNING_CERT_INVALID_ISSUER',
  })
  const [leaf = ''] = collateral.tcbInfoIssuerChain.split('-----END CERTIFICATE-----')
  throws(() => run({ collateral: { tcbInfoIssuerChain: `${leaf}-----END CERTIFICATE-----` } }), {
    code: 'ERR_COLLATERAL_VALUE',
    field: 'tcbInfoIssuerChain',
  })
})

test('malformed collateral is named by its field', () => {
  throws(() => run({ collateral: { pckCrl: collateral.pckCrl.subarray(0, 100) } }), {
    code: 'ERR_COLLATERAL_FORMAT',
    field: 'pckCrl.sequence',
  })
  throws(() => run({ collateral: { qeIdentityIssuerChain: 'hello' } }), {
    code: 'ERR_COLLATERAL_FORMAT',
    field: 'qeIdentityIssuerChain',
  })
  throws(() => run({ collateral: { rootCaCrl: new Uint8Array(2_000_000) } }), {
    code: 'ERR_COLLATERAL_TOO_LARGE',
    field: 'rootCaCrl',
  })
})

test('under another root, or none, a real quote is refused', () => {
  const [, other = new Uint8Array()] = intelRoots
  const stranger = withOtherKey(other)
  for (const trusted of [[], [stranger]]) {
    throws(() => verify(quote, collateral, { at, roots: trusted }), {
      code: 'ERR_VERIFY_UNTRUSTED_ROOT',
      facts: { chain: 'PCK chain', commonName: 'Intel SGX Root CA' },
    })
  }
})

test("either of Intel's roots is enough for a chain that ends in the other", () => {
  for (const root of intelRoots) {
    equal(verify(quote, collateral, { at, roots: [root] }).status, 'OutOfDate')
  }
})

/** The same certificate about another key: what a stranger would name as its root. */
function withOtherKey(der: Uint8Array): Uint8Array {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-64)
  const key = Uint8Array.fromHex('0ba9c4c0c0c86193')
  const start = der.findIndex((_, index) => key.every((byte, at) => der[index + at] === byte))
  return concatBytes(der.subarray(0, start), point, der.subarray(start + 64))
}

const items = (findings: readonly { item: string }[]) => findings.map(({ item }) => item)

test('at a later time the quote still verifies, what expired is listed, and the default policy refuses it', () => {
  const verified = run({ at: new Date('2024-06-01T00:00:00Z') })
  deepEqual(items(verified.expired), ['root-ca-crl', 'pck-crl', 'tcb-info', 'qe-identity'])
  deepEqual(verified.notYetValid, [])
  equal(verified.earliestExpiry.toISOString(), '2023-06-12T21:00:03.000Z')
  equal(verified.earliestItem, 'pck-crl')
  const policy = { ...defaultPolicy, acceptStatuses: [verified.status] }
  const verdict = appraise(verified, policy)
  deepEqual(verdict.trusted ? [] : verdict.reasons.map(({ code }) => code), [
    'expired',
    'expired',
    'expired',
    'expired',
  ])
  deepEqual(appraise(verified, { ...policy, allowExpired: true }), { trusted: true })
})

test('long after, the chains are listed too', () => {
  const later = items(run({ at: new Date('2051-01-01T00:00:00Z') }).expired)
  deepEqual(later.filter(item => item.startsWith('pck-chain')).toSorted(), [
    'pck-chain: Intel SGX PCK Certificate',
    'pck-chain: Intel SGX PCK Platform CA',
    'pck-chain: Intel SGX Root CA',
  ])
  equal(later.includes('tcb-info-chain: Intel SGX TCB Signing'), true)
  equal(later.includes('qe-identity-chain: Intel SGX Root CA'), true)
})

test('at an earlier time what is not yet valid is listed, and the default policy refuses it', () => {
  const verified = run({ at: new Date('2023-05-01T00:00:00Z') })
  deepEqual(verified.expired, [])
  deepEqual(items(verified.notYetValid), ['pck-crl', 'tcb-info', 'qe-identity'])
  const policy = { ...defaultPolicy, acceptStatuses: [verified.status] }
  const verdict = appraise(verified, policy)
  deepEqual(verdict.trusted ? [] : verdict.reasons.map(({ code }) => code), [
    'not-yet-valid',
    'not-yet-valid',
    'not-yet-valid',
  ])
  deepEqual(appraise(verified, { ...policy, allowNotYetValid: true }), { trusted: true })
})

test('an item is valid on its first and on its last second', () => {
  const of = (iso: string, list: 'expired' | 'notYetValid') =>
    items(run({ at: new Date(iso) })[list]).includes('tcb-info')
  equal(of('2023-05-15T14:08:11.000Z', 'notYetValid'), false)
  equal(of('2023-05-15T14:08:10.999Z', 'notYetValid'), true)
  equal(of('2023-06-14T14:08:11.000Z', 'expired'), false)
  equal(of('2023-06-14T14:08:11.001Z', 'expired'), true)
})

test('a time that is no time is refused, not taken for fresh', () => {
  throws(() => run({ at: new Date('yesterday') }), RangeError)
})

test('bytes after the quote are ignored, up to a bound', () => {
  equal(run({ quote: concatBytes(quote, new Uint8Array(3000)) }).status, 'OutOfDate')
  throws(() => run({ quote: new Uint8Array(2_000_000) }), {
    code: 'ERR_FORMAT_VALUE',
    field: 'quote',
  })
})
