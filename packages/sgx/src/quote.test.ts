import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader, ByteWriter } from '@alcove/bytes'
import fc from 'fast-check'
import {
  encodeQuote,
  encodeReportBody,
  INTEL_QE_VENDOR_ID,
  parseQuote,
  parseReportBody,
} from './index.ts'

const filled = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const reportBodies = filled(384).map(bytes => parseReportBody(new ByteReader(bytes, 'random')))

const quotes = fc.record({
  header: fc.record({
    version: fc.constant(3 as const),
    attestationKeyType: fc.constant(2 as const),
    qeSvn: fc.nat(0xffff),
    pceSvn: fc.nat(0xffff),
    qeVendorId: filled(16),
    userData: filled(20),
  }),
  body: reportBodies,
  signature: filled(64),
  attestationKey: filled(64),
  qeReportBytes: reportBodies.map(encodeReportBody),
  qeReportSignature: filled(64),
  qeAuthData: fc.uint8Array({ maxLength: 40 }),
  certification: fc.record({ type: fc.nat(7), data: fc.uint8Array({ maxLength: 80 }) }),
})
const [sample] = fc.sample(quotes, { numRuns: 1, seed: 1 })
if (sample === undefined) throw new Error('fast-check gave no sample')
const whole = encodeQuote(sample)

test('what is encoded is parsed back, padding after it is ignored', () => {
  fc.assert(
    fc.property(quotes, fc.uint8Array({ maxLength: 300 }), (fields, padding) => {
      const bytes = encodeQuote(fields)
      const padded = new ByteWriter('padded').rest(bytes).rest(padding).done()
      const quote = parseQuote(padded)
      equal(quote.byteLength, bytes.byteLength)
      deepEqual(encodeQuote(quote), bytes)
      deepEqual(Uint8Array.from(quote.signedBytes), bytes.slice(0, 432))
      deepEqual(encodeReportBody(quote.qeReport), fields.qeReportBytes)
    }),
  )
})

test('the smallest quote is 1020 bytes', () => {
  const none = new Uint8Array()
  const bytes = encodeQuote({ ...sample, qeAuthData: none, certification: { type: 5, data: none } })
  equal(bytes.byteLength, 1020)
  equal(parseQuote(bytes).byteLength, 1020)
})

test('a quote cut short anywhere is refused as truncated', () => {
  for (let length = 0; length < whole.length; length++) {
    throws(() => parseQuote(whole.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
  }
})

test('a nine-byte quote names the field where it ends', () => {
  throws(() => parseQuote(whole.subarray(0, 9)), {
    field: 'quote.header.qeSvn',
    offset: 8,
    message: 'quote.header.qeSvn at 0x8: need 2 bytes, 1 left',
  })
})

test('another version, key type or TEE is refused at its offset', () => {
  const changed = (offset: number, value: number) => {
    const bytes = whole.slice()
    bytes[offset] = value
    return () => parseQuote(bytes)
  }
  const code = 'ERR_FORMAT_VALUE'
  throws(changed(0, 4), { code, field: 'quote.header.version', offset: 0 })
  throws(changed(0, 1), { code, message: /version 1 is not supported; want 3, an SGX quote/ })
  throws(changed(2, 3), { code, field: 'quote.header.attestationKeyType', offset: 2 })
  throws(changed(4, 0x81), { code, field: 'quote.header.teeType', offset: 4 })
})

const u16 = (value: number) => new ByteWriter('patch').u16le('value', value).done()
const u32 = (value: number) => new ByteWriter('patch').u32le('value', value).done()

function patched(offset: number, patch: Uint8Array): () => unknown {
  const bytes = whole.slice()
  bytes.set(patch, offset)
  return () => parseQuote(bytes)
}

test('a length larger than what is left is refused by field', () => {
  const code = 'ERR_FORMAT_TRUNCATED'
  const left = whole.length - 436
  const sizeAt = whole.length - sample.certification.data.length - 4
  for (const length of [left + 1, 0xffff_ffff]) {
    throws(patched(432, u32(length)), { code, field: 'quote.signatureData', offset: 436 })
  }
  throws(patched(436 + 576, u16(0xffff)), {
    code,
    field: 'quote.signatureData.qeAuthData',
    offset: 436 + 578,
  })
  for (const length of [sample.certification.data.length + 1, 0xffff_ffff]) {
    throws(patched(sizeAt, u32(length)), {
      code,
      field: 'quote.signatureData.certification.data',
      offset: sizeAt + 4,
    })
  }
})

test('a signature_data_len that is too small is refused: its parts do not fit, or bytes are left over', () => {
  throws(patched(432, u32(10)), {
    code: 'ERR_FORMAT_TRUNCATED',
    field: 'quote.signatureData.signature',
    offset: 436,
  })
  const padded = new ByteWriter('padded').rest(whole).zeros(8).done()
  padded.set(u32(whole.length - 436 + 8), 432)
  throws(() => parseQuote(padded), {
    code: 'ERR_FORMAT_TRAILING',
    field: 'quote.signatureData.certification.(end)',
    offset: whole.length,
  })
})

test('a value that does not fit is not encoded', () => {
  const body = { ...sample.body, isvSvn: 0x1_0000 }
  throws(() => encodeQuote({ ...sample, body }), { field: 'reportBody.isvSvn', offset: 0x102 })
  const qeAuthData = new Uint8Array(0x1_0000)
  throws(() => encodeQuote({ ...sample, qeAuthData }), {
    field: 'quote.signatureData.qeAuthDataLength',
  })
})

test("Intel's QE vendor id is the published one", () => {
  equal(INTEL_QE_VENDOR_ID.toHex(), '939a7233f79c4ca9940a0db3957f0607')
})
