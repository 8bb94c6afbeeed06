import { deepEqual, equal, notEqual, ok, throws } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { encodeQuote, parseQuote } from '@alcove/sgx'
import fc from 'fast-check'
import { readOwnVectors } from '../../../tools/own-vectors.ts'
import { written } from '../testing/written.ts'
import {
  appraise,
  type Collateral,
  createVerifier,
  defaultPolicy,
  intelRoots,
  parseCollateral,
  type Step,
  type Verifier,
  type VerifierOptions,
  verify,
} from './index.ts'
import { P256Key } from './p256.ts'

const roots = intelRoots

interface Sample {
  readonly name: string
  readonly quote: Uint8Array
  readonly collateral: Collateral
  readonly at: Date
}

const samples: readonly Sample[] = readOwnVectors()
  .filter(({ expect }) => !('error' in expect))
  .map(vector => ({ ...vector, collateral: parseCollateral(vector.collateral) }))

function sampleOf(name: string): Sample {
  const found = samples.find(sample => sample.name === name)
  ok(found)
  return found
}

const enclave = sampleOf('sgx-v3-icelake')
const td = sampleOf('tdx-v5-relaunch')

function verifierOf({ collateral }: Sample, kept: Partial<VerifierOptions> = {}): Verifier {
  return createVerifier(collateral, { roots, ...kept })
}

/** What comes of it, in a form that can be compared: the answer, or the code of the refusal. */
function outcome(run: () => unknown): unknown {
  try {
    return written(run())
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

function signatures(t: TestContext, run: () => unknown): number {
  const counted = t.mock.method(P256Key.prototype, 'verifies')
  run()
  counted.mock.restore()
  return counted.mock.callCount()
}

for (const sample of samples) {
  const { name, quote, collateral, at } = sample

  test(`${name}: 7 signatures from nothing, 3 with the collateral kept, 2 with the chain, 1 of a known platform`, t => {
    // Intel's own certificates are verified when they are first met, once for all.
    verify(quote, collateral, { at, roots })
    equal(
      signatures(t, () => verify(quote, collateral, { at, roots })),
      7,
    )
    for (const [kept, wanted] of [
      [{ maxChains: 0, maxPlatforms: 0 }, 3],
      [{ maxPlatforms: 0 }, 2],
      [{}, 1],
    ] as const) {
      const verifier = verifierOf(sample, kept)
      equal(
        signatures(t, () => verifier.verify(quote, { at })),
        7,
      )
      equal(
        signatures(t, () => verifier.verify(quote, { at })),
        wanted,
      )
    }
  })

  test(`${name}: the answer is the same from nothing and from what is kept, at every time`, () => {
    const verifier = verifierOf(sample)
    const times = [at, new Date('2020-01-01'), new Date('2051-01-01'), at, new Date('2034-01-01')]
    for (const time of times) {
      const anew = outcome(() => verify(quote, collateral, { at: time, roots }))
      deepEqual(
        outcome(() => verifier.verify(quote, { at: time })),
        anew,
      )
    }
  })
}

test('a known platform is refused when its collateral has ended, and again accepted at a time when it had not', () => {
  const { quote, at } = enclave
  const verifier = verifierOf(enclave)
  const policy = { ...defaultPolicy, acceptStatuses: [verifier.verify(quote, { at }).status] }
  const { earliestExpiry } = verifier.verify(quote, { at })
  const verdictAt = (time: Date) => appraise(verifier.verify(quote, { at: time }), policy).trusted
  equal(verdictAt(earliestExpiry), true)
  equal(verdictAt(new Date(earliestExpiry.getTime() + 1)), false)
  equal(verdictAt(at), true)
  throws(() => verifier.verify(quote, { at: new Date(Number.NaN) }), RangeError)
})

test('what a caller does to the dates of an answer does not change the next one', () => {
  const { quote, at } = enclave
  const verifier = verifierOf(enclave)
  const late = new Date('2034-01-01')
  const wanted = outcome(() => verifier.verify(quote, { at: late }))
  const answer = verifier.verify(quote, { at: late })
  const dates = [answer.tcbDate, answer.earliestExpiry, ...answer.expired.map(one => one.notAfter)]
  for (const date of dates) date.setTime(new Date('2099-01-01').getTime())
  deepEqual(
    outcome(() => verifier.verify(quote, { at: late })),
    wanted,
  )
  notEqual(verifier.verify(quote, { at }).tcbDate, verifier.verify(quote, { at }).tcbDate)
})

for (const sample of [enclave, td]) {
  const { name, quote, collateral, at } = sample
  /** Up to where PEM ends: what follows is nobody's. */
  const signedBits = 8 * (quote.lastIndexOf(0x2d) + 1)

  test(`${name}: one flipped bit anywhere in a quote of a known platform is refused, for the reason it is refused for from nothing`, () => {
    const verifier = verifierOf(sample)
    verifier.verify(quote, { at })
    const check = (bit: number) => {
      const flipped = quote.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const code = outcome(() => verifier.verify(flipped, { at }))
      equal(typeof code, 'string')
      equal(
        code,
        outcome(() => verify(flipped, collateral, { at, roots })),
      )
      // With steps every check is made at its place, without them signatures are left for last.
      equal(
        code,
        outcome(() => verify(flipped, collateral, { at, roots, onStep: () => undefined })),
      )
    }
    for (let bit = 0; bit < signedBits; bit += 97) check(bit)
    fc.assert(fc.property(fc.nat(signedBits - 1), check), { numRuns: 300 })
    equal(typeof outcome(() => verifier.verify(quote, { at })), 'object')
  })

  test(`${name}: the verifier does not look at its owner’s bytes again`, () => {
    const bytes = quote.slice()
    const mutable = { ...collateral, rootCaCrl: collateral.rootCaCrl.slice() }
    const trusted = roots.map(root => root.slice())
    const verifier = createVerifier(mutable, { roots: trusted })
    const wanted = outcome(() => verifier.verify(bytes, { at }))
    mutable.rootCaCrl.fill(0)
    for (const root of trusted) root.fill(0)
    bytes.fill(0xff, 0, bytes.byteLength)
    throws(() => verifier.verify(bytes, { at }), { name: 'FormatError' })
    bytes.set(quote)
    deepEqual(
      outcome(() => verifier.verify(bytes, { at })),
      wanted,
    )
    // The key that was kept is not the one in the buffer.
    const other = quote.slice()
    bytes.fill(0xff)
    deepEqual(
      outcome(() => verifier.verify(other, { at })),
      wanted,
    )
    bytes.set(quote)
    // The QE's report, in the buffer that was verified before.
    bytes[bytes.byteLength - 4_100] = (bytes[bytes.byteLength - 4_100] ?? 0) ^ 1
    equal(typeof outcome(() => verifier.verify(bytes, { at })), 'string')
  })
}

test('what one verifier knows another does not: newer collateral that revokes is asked', () => {
  const { quote, collateral, at } = enclave
  const old = createVerifier(collateral, { roots })
  equal(old.verify(quote, { at }).status, 'OutOfDate')
  // A list of the right issuer that Intel never signed: what it takes to be refused is that it is looked at.
  const forged = { ...collateral, pckCrl: collateral.pckCrl.with(-1, 0) }
  throws(() => createVerifier(forged, { roots }).verify(quote, { at }), {
    code: 'ERR_VERIFY_CRL_INVALID_SIGNATURE',
  })
  throws(() => createVerifier(collateral, { roots: [] }).verify(quote, { at }), {
    code: 'ERR_VERIFY_UNTRUSTED_ROOT',
  })
  equal(old.verify(quote, { at }).status, 'OutOfDate')
})

test('a known chain in certification data of another type is refused, as from nothing', () => {
  const { quote, collateral, at } = enclave
  const verifier = verifierOf(enclave)
  verifier.verify(quote, { at })
  const parsed = parseQuote(quote)
  const other = encodeQuote({ ...parsed, certification: { ...parsed.certification, type: 4 } })
  const code = outcome(() => verify(other, collateral, { at, roots }))
  equal(code, 'ERR_VERIFY_CERTIFICATION_DATA_UNSUPPORTED')
  equal(
    outcome(() => verifier.verify(other, { at })),
    code,
  )
})

test('a chain that is padded with blanks is verified, and not kept', t => {
  const { quote, at } = enclave
  const { certification, ...rest } = parseQuote(quote)
  const blanks = new Uint8Array(20_000).fill(0x20)
  const data = concatBytes(certification.data.subarray(0, -1), blanks, Uint8Array.of(0))
  const padded = encodeQuote({ ...rest, certification: { type: 5, data } })
  const verifier = verifierOf(enclave)
  for (let round = 0; round < 2; round++) {
    const made = signatures(t, () => verifier.verify(padded, { at }))
    equal(made, round === 0 ? 7 : 3)
  }
})

test('a refusal is not kept, and does not make what is good wrong', () => {
  const { quote, at } = enclave
  const verifier = verifierOf(enclave)
  const forged = quote.with(112, (quote[112] ?? 0) ^ 1)
  for (let round = 0; round < 3; round++) {
    throws(() => verifier.verify(forged, { at }), { code: 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE' })
    equal(verifier.verify(quote, { at }).status, 'OutOfDate')
  }
})

test('a quote of another TEE or platform is not believed for what is known of this one', () => {
  const verifier = verifierOf(enclave)
  verifier.verify(enclave.quote, { at: enclave.at })
  for (const other of samples.filter(({ name }) => name !== enclave.name)) {
    deepEqual(
      outcome(() => verifier.verify(other.quote, { at: enclave.at })),
      outcome(() => verify(other.quote, enclave.collateral, { at: enclave.at, roots })),
      other.name,
    )
  }
})

test('whoever asks for the steps is told of checks that were made, of a known platform too', t => {
  const { quote, at } = td
  const verifier = verifierOf(td)
  verifier.verify(quote, { at })
  const steps: Step[] = []
  equal(
    signatures(t, () => verifier.verify(quote, { at, onStep: step => steps.push(step) })),
    7,
  )
  deepEqual(
    steps.map(({ name }) => name),
    [
      'pck-chain',
      'root-ca-crl',
      'pck-crl',
      'tcb-info',
      'qe-identity',
      'platform',
      'tdx-module',
      'qe-report',
      'attestation-key',
      'qe-matches-identity',
      'quote-signature',
      'tcb-status',
    ],
  )
})

test('the answer says what each better level wants, which part brings which advisory, and what the certificate says', () => {
  const { quote, at } = enclave
  const { platform, qe, openAdvisories, advisories, pck } = verifierOf(enclave).verify(quote, {
    at,
  })
  ok(platform.better.length > 0)
  for (const { level, lacks } of platform.better) {
    ok(lacks.length > 0)
    for (const { found, wanted } of lacks) ok(found < wanted)
    ok(level.tcbDate >= platform.level.tcbDate)
  }
  deepEqual(qe.better, [])
  deepEqual([...new Set(openAdvisories.map(({ id }) => id))].toSorted(), [...advisories].toSorted())
  deepEqual(new Set(openAdvisories.map(({ part }) => part)), new Set(['platform']))
  equal(pck.fmspc, '00606a000000')
  equal(pck.components.length, 16)
  equal(pck.ppid.length, 32)
})
