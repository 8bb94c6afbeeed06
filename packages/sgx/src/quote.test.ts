import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader, ByteWriter } from '@alcove/bytes'
import fc from 'fast-check'
import {
  encodeQuote,
  encodeQuoteSignedPart,
  encodeReportBody,
  INTEL_QE_VENDOR_ID,
  parseQuote,
  parseReportBody,
  parseTdReportBody,
  type QuoteFields,
  TD_REPORT_BODY_BYTES,
  type TdReportBody,
} from './index.ts'

const filled = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const reportBodies = filled(384).map(bytes => parseReportBody(new ByteReader(bytes, 'random')))

const tdReportBodies = (version: TdReportBody['version']) =>
  filled(TD_REPORT_BODY_BYTES[version]).map(bytes =>
    parseTdReportBody(new ByteReader(bytes, 'random'), version),
  )

const headerBase = {
  attestationKeyType: fc.constant(2 as const),
  qeVendorId: filled(16),
  userData: filled(20),
}
const headersV3 = fc.record({
  version: fc.constant(3 as const),
  qeSvn: fc.nat(0xffff),
  pceSvn: fc.nat(0xffff),
  ...headerBase,
})
const headersFrom = (...versions: readonly (4 | 5)[]) =>
  fc.record({ version: fc.constantFrom(...versions), reserved: filled(4), ...headerBase })

const sgx = fc.constant('SGX' as const)
const tdx = fc.constant('TDX' as const)
const sgxSubjects = fc.record({
  header: fc.oneof(headersV3, headersFrom(4, 5)),
  tee: sgx,
  body: reportBodies,
})
const tdx10Subjects = fc.record({
  header: headersFrom(4, 5),
  tee: tdx,
  body: tdReportBodies('1.0'),
})
const tdx15Subjects = fc.record({
  header: headersFrom(5),
  tee: tdx,
  body: fc.oneof(tdReportBodies('1.5'), tdReportBodies('1.5-extended')),
})
const signatureData = fc.record({
  signature: filled(64),
  attestationKey: filled(64),
  qeReportBytes: reportBodies.map(encodeReportBody),
  qeReportSignature: filled(64),
  qeAuthData: fc.uint8Array({ maxLength: 40 }),
  certification: fc.record({ type: fc.nat(7), data: fc.uint8Array({ maxLength: 80 }) }),
})
const quotesOf = <Subject extends object>(subjects: fc.Arbitrary<Subject>) =>
  fc.tuple(subjects, signatureData).map(([subject, data]) => ({ ...subject, ...data }))
const quotes: fc.Arbitrary<QuoteFields> = fc.oneof(
  quotesOf(sgxSubjects),
  quotesOf(tdx10Subjects),
  quotesOf(tdx15Subjects),
)

const [sample] = fc.sample(quotesOf(sgxSubjects.filter(({ header }) => header.version === 3)), {
  numRuns: 1,
  seed: 1,
})
const [tdxSample] = fc.sample(quotesOf(tdx15Subjects), { numRuns: 1, seed: 1 })
if (sample === undefined || tdxSample === undefined) throw new Error('fast-check gave no sample')
const whole = encodeQuote(sample)
const wholeTdx = encodeQuote(tdxSample)

test('what is encoded is parsed back, of every version and body, and what follows it is kept apart', () => {
  fc.assert(
    fc.property(quotes, fc.uint8Array({ maxLength: 300 }), (fields, padding) => {
      const bytes = encodeQuote(fields)
      const padded = new ByteWriter('padded').rest(bytes).rest(padding).done()
      const quote = parseQuote(padded)
      equal(quote.byteLength, bytes.byteLength)
      deepEqual(Uint8Array.from(quote.trailing), padding)
      deepEqual(encodeQuote(quote), bytes)
      deepEqual(Uint8Array.from(quote.signedBytes), encodeQuoteSignedPart(fields))
      deepEqual(encodeReportBody(quote.qeReport), fields.qeReportBytes)
      equal(
        436 + quote.signatureData.byteLength + quote.signedBytes.byteLength - 432,
        bytes.byteLength,
      )
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
  for (const bytes of [whole, wholeTdx]) {
    for (let length = 0; length < bytes.length; length++) {
      throws(() => parseQuote(bytes.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
    }
  }
})

test('a nine-byte quote names the field where it ends', () => {
  throws(() => parseQuote(whole.subarray(0, 9)), {
    field: 'quote.header.qeSvn',
    offset: 8,
    message: 'quote.header.qeSvn at 0x8: need 2 bytes, 1 left',
  })
})

const u16 = (value: number) => new ByteWriter('patch').u16le('value', value).done()
const u32 = (value: number) => new ByteWriter('patch').u32le('value', value).done()

function patched(offset: number, patch: Uint8Array, bytes = whole): () => unknown {
  const copy = bytes.slice()
  copy.set(patch, offset)
  return () => parseQuote(copy)
}

test('another version, key type or TEE is refused at its offset', () => {
  const code = 'ERR_FORMAT_VALUE'
  throws(patched(0, u16(2)), { code, field: 'quote.header.version', offset: 0 })
  throws(patched(0, u16(1)), { code, message: /version 1 is not supported; want 3, 4 or 5/ })
  throws(patched(2, u16(3)), { code, field: 'quote.header.attestationKeyType', offset: 2 })
  throws(patched(4, u32(0x81)), { code, field: 'quote.header.teeType', offset: 4 })
  throws(patched(4, u32(1), wholeTdx), { code, field: 'quote.header.teeType', offset: 4 })
})

test('of version 5 the body has the type and size of its TEE', () => {
  const code = 'ERR_FORMAT_VALUE'
  const field = 'quote.bodyType'
  for (const type of [0, 1, 5, 0xffff]) {
    throws(patched(48, u16(type), wholeTdx), { code, field, offset: 48 })
  }
  throws(patched(4, u32(0), wholeTdx), { code, field, message: /type [34] in a quote of SGX/ })
  for (const size of [0, 384, 647, 0xffff_ffff]) {
    throws(patched(50, u32(size), wholeTdx), { code, field: 'quote.bodySize', offset: 50 })
  }
})

test('from version 4 on, what names the PCK is within certification data of type 6, to its end', () => {
  const at = tdxSample.body.version === '1.5' ? 48 + 6 + 648 + 4 + 128 : 48 + 6 + 885 + 4 + 128
  const inside = wholeTdx.length - at - 6
  throws(patched(at, u16(5), wholeTdx), {
    code: 'ERR_FORMAT_VALUE',
    field: 'quote.signatureData.certificationType',
    offset: at,
  })
  throws(patched(at + 2, u32(inside + 1), wholeTdx), { code: 'ERR_FORMAT_TRUNCATED' })
  throws(patched(at + 2, u32(inside - 1), wholeTdx), { code: /^ERR_FORMAT_T/ })
})

test('a body that the version does not have is not encoded', () => {
  const code = 'ERR_FORMAT_VALUE'
  const { header } = sample
  throws(() => encodeQuote({ ...tdxSample, header }), { code, field: 'quote.body' })
  const version4 = { ...tdxSample.header, version: 4 as const }
  throws(() => encodeQuote({ ...tdxSample, header: version4 }), { code, field: 'quote.body' })
})

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
