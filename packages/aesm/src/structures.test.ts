import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { standInQuote } from '../testing/stand-in-backend.ts'
import {
  ecdsaP256KeyId,
  encodeAttestationKeyId,
  encodeKeyIdList,
  parseAttestationKeyId,
  parseKeyIdList,
} from './attestation-key-id.ts'
import { aesmCodeCount, describeAesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'
import { selectKeyId } from './key-id-requests.ts'
import { encodeQeReportInfo, parseQeReportInfo } from './qe-report-info.ts'
import { trimQuote } from './quote-length.ts'

const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

await withSharedVectors('the structures of the exchanges', 2, vectors => {
  test('the id that is served is the one clients have compiled in', async () => {
    const bytes = await vectors.bytes('aesm/att_key_id_ecdsa_p256.bin')
    deepEqual(ecdsaP256KeyId, bytes)
    deepEqual(encodeAttestationKeyId(parseAttestationKeyId(bytes)), bytes)
  })

  test('a real quote is its own trimmed self, however far it is padded', async () => {
    const quote = await vectors.bytes('aesm/quote.bin')
    const padded = new Uint8Array(8192)
    padded.set(quote)
    deepEqual(trimQuote(padded), quote)
  })
})

test('an attestation key id survives a round trip, and only its own length is taken', () => {
  const keyId = fc.record({
    id: fc.nat(0xffff),
    version: fc.nat(0xffff),
    mrSigner: fc.uint8Array({ maxLength: 48 }),
    prodId: fc.nat(0xffff_ffff),
    extendedProdId: exactly(16),
    configId: exactly(64),
    familyId: exactly(16),
    algorithmId: fc.nat(0xffff_ffff),
    spid: exactly(16),
    keyType: fc.nat(0xffff),
    reserved: exactly(80),
  })
  fc.assert(
    fc.property(keyId, value => {
      const bytes = encodeAttestationKeyId(value)
      equal(bytes.byteLength, 256)
      const back = parseAttestationKeyId(bytes)
      deepEqual(back.mrSigner, value.mrSigner)
      deepEqual(encodeAttestationKeyId(back), bytes)
    }),
  )
  throws(() => parseAttestationKeyId(new Uint8Array(255)), { code: 'ERR_FORMAT_TRUNCATED' })
  throws(() => parseAttestationKeyId(new Uint8Array(257)), { code: 'ERR_FORMAT_TRAILING' })
  const longSigner = Uint8Array.from(ecdsaP256KeyId)
  longSigner[4] = 49
  throws(() => parseAttestationKeyId(longSigner), { field: 'attKeyId.mrSignerLength' })
  const tooLong = { ...parseAttestationKeyId(ecdsaP256KeyId), mrSigner: new Uint8Array(49) }
  throws(() => encodeAttestationKeyId(tooLong), { code: 'ERR_FORMAT_VALUE' })
})

test('a list of key ids has exactly the length that its count says, and at most ten', () => {
  for (let count = 0; count <= 10; count++) {
    const ids = Array.from({ length: count }, () => ecdsaP256KeyId)
    const bytes = encodeKeyIdList(ids)
    deepEqual(parseKeyIdList(bytes), ids)
    throws(() => parseKeyIdList(Uint8Array.of(...bytes, 0)), { code: 'ERR_FORMAT_TRAILING' })
    throws(() => parseKeyIdList(bytes.subarray(0, -1)), { code: 'ERR_FORMAT_TRUNCATED' })
  }
  const eleven = encodeKeyIdList(Array.from({ length: 11 }, () => ecdsaP256KeyId))
  throws(() => parseKeyIdList(eleven), { field: 'attKeyIdList.count' })
})

test('selecting gives the client’s own entry back, and 3 or 38 where there is none', () => {
  const foreign = new Uint8Array(256).fill(1)
  const withSpid = Uint8Array.from(ecdsaP256KeyId).fill(5, 158)
  deepEqual(selectKeyId(undefined), ecdsaP256KeyId)
  deepEqual(selectKeyId(encodeKeyIdList([foreign, withSpid])), withSpid)
  throws(() => selectKeyId(encodeKeyIdList([foreign])), { errorCode: 38 })
  throws(() => selectKeyId(encodeKeyIdList([])), { errorCode: 38 })
  throws(() => selectKeyId(new Uint8Array()), { errorCode: 3 })
  throws(() => selectKeyId(encodeKeyIdList([withSpid]).fill(1, 0, 1)), { errorCode: 3 })
})

test('qe_report_info survives a round trip, and only its own length is taken', () => {
  fc.assert(
    fc.property(exactly(960), bytes => {
      deepEqual(encodeQeReportInfo(parseQeReportInfo(bytes)), bytes)
    }),
  )
  throws(() => parseQeReportInfo(new Uint8Array(959)), { code: 'ERR_FORMAT_TRUNCATED' })
  throws(() => parseQeReportInfo(new Uint8Array(961)), { code: 'ERR_FORMAT_TRAILING' })
})

test('a quote that ends before its own length says is refused', () => {
  const quote = standInQuote(600)
  for (let length = 0; length < quote.byteLength; length++) {
    throws(() => trimQuote(quote.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
  }
})

test('every AESM error number has a name of its own and a remedy', () => {
  const table = Array.from({ length: aesmCodeCount }, (_, code) => describeAesmCode(code))
  equal(aesmCodeCount, 52)
  equal(new Set(table.map(({ name }) => name)).size, 52)
  equal(
    table.every(({ remedy }) => remedy.endsWith('.')),
    true,
  )
  const named = (code: number) => describeAesmCode(code).name
  // One out of each stretch of the list, so that no row can have slipped.
  deepEqual([1, 12, 18, 27, 30, 38, 42, 47, 51].map(named), [
    'UNEXPECTED',
    'NETWORK',
    'BUSY',
    'SERVICE_NOT_AVAILABLE',
    'SERVICE_UNAVAILABLE',
    'UNSUPPORTED_ATT_KEY_ID',
    'ATT_KEY_NOT_INITIALIZED',
    'INVALID_REPORT',
    'CONFIG_UNSUPPORTED',
  ])
  equal(named(52), 'UNKNOWN')
  const error = new AesmError(42)
  equal(error.errorName, 'ATT_KEY_NOT_INITIALIZED')
  equal(error.message.startsWith('AESM error 42 ATT_KEY_NOT_INITIALIZED. Call init_quote_ex'), true)
})
