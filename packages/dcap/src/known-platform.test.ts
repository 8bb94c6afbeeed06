import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { encodeQuote, encodeQuoteSignedPart, parseQuote, type Quote } from '@alcove/sgx'
import { readOwnVectors } from '../../../tools/own-vectors.ts'
import { isOfModule, isOfPlatform, type KnownChain, knownPlatform } from './known-platform.ts'
import type { TcbEvaluation } from './tcb-evaluation.ts'

const SIGNATURE_BYTES = 64

/** An enclave's quote laid out as version 4, whose QE signature has, by chance, what makes its bytes readable as version 3. */
function ambiguousQuotes(): { three: Uint8Array; four: Uint8Array } {
  const sample = readOwnVectors().find(({ name }) => name === 'sgx-v3-icelake')
  ok(sample)
  const real = parseQuote(sample.quote)
  ok(real.tee === 'SGX')
  const { qeVendorId, userData } = real.header
  const common = { attestationKeyType: 2, qeVendorId, userData } as const
  // Version 4 has 6 bytes more before the QE's report: what version 3 reads as the length of the authentication data is in
  // its signature, and that data then ends where it does in version 4.
  const qeReportSignature = real.qeReportSignature.slice()
  new DataView(qeReportSignature.buffer).setUint16(58, real.qeAuthData.byteLength + 6, true)
  const header = { ...common, version: 4, reserved: new Uint8Array(4) } as const
  const four = encodeQuote({ ...real, header, qeReportSignature })
  const { signatureData } = parseQuote(four)
  const signed = encodeQuoteSignedPart(real)
  const three = new Uint8Array(signed.byteLength + 4 + signatureData.byteLength)
  three.set(signed)
  new DataView(three.buffer).setUint32(signed.byteLength, signatureData.byteLength, true)
  three.set(signatureData, signed.byteLength + 4)
  return { three, four }
}

test('the same bytes in a quote of another version, where they are another QE’s, are not of a known platform', () => {
  const quotes = ambiguousQuotes()
  const [three, four] = [parseQuote(quotes.three), parseQuote(quotes.four)]
  deepEqual(
    three.signatureData.subarray(SIGNATURE_BYTES),
    four.signatureData.subarray(SIGNATURE_BYTES),
  )
  equal([three.header.version, four.header.version].join(), '3,4')
  const known = knownPlatform(four, {} as KnownChain, {} as TcbEvaluation)
  equal(isOfPlatform(four, known), true)
  equal(isOfPlatform(three, known), false)
})

test('a quote of the other TEE is not of a known platform, nor one that says another thing of its TDX module', () => {
  const sample = readOwnVectors().find(({ name }) => name === 'tdx-v5-relaunch')
  ok(sample)
  const quote = parseQuote(sample.quote)
  ok(quote.tee === 'TDX' && quote.body.version === '1.5')
  const { body } = quote
  const known = knownPlatform(quote, {} as KnownChain, {} as TcbEvaluation)
  equal(isOfPlatform({ ...quote, tee: 'SGX' } as unknown as Quote, known), false)
  equal(isOfPlatform(quote, known), true)
  equal(isOfModule(quote, known), true)
  const svn = body.teeTcbSvn2.with(0, (body.teeTcbSvn2[0] ?? 0) ^ 1)
  for (const change of [
    { teeTcbSvn2: svn },
    { teeTcbSvn: svn },
    { mrSignerSeam: body.mrSignerSeam.with(0, 1) },
    { seamAttributes: 1n },
  ]) {
    equal(isOfModule({ ...quote, body: { ...body, ...change } }, known), false)
  }
})
