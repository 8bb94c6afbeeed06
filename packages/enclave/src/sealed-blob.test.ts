import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { KeyName } from '@alcove/sgx'
import fc from 'fast-check'
import {
  encodeSealedHeader,
  maxAdditionalDataBytes,
  maxPlaintextBytes,
  parseSealedBlob,
  type SealedHeader,
} from './sealed-blob.ts'

const header: SealedHeader = {
  keySource: 'egetkey',
  request: {
    keyName: KeyName.seal,
    keyPolicy: 2,
    isvSvn: 0x0102,
    cpuSvn: new Uint8Array(16).fill(0x11),
    attributeMask: { flags: 0xb7n, xfrm: 0x0203n },
    keyId: new Uint8Array(32).fill(0x22),
    miscMask: 0x04050607,
    configSvn: 0x0809,
  },
  isvProdId: 0x0a0b,
  sealer: new Uint8Array(32).fill(0x33),
  additionalData: Uint8Array.of(1, 2),
}
const tag = new Uint8Array(16).fill(0x55)
const blob = concatBytes(encodeSealedHeader(header, 3), new Uint8Array(3).fill(0x44), tag)

test('a sealed blob has its fields where the table says', () => {
  equal(
    blob.toHex(),
    [
      '414c434f5645205345414c4544000000', // ALCOVE SEALED
      '0100', // version
      '0100', // keySource
      '0200', // keyPolicy
      '0201', // isvSvn
      '11'.repeat(16),
      'b700000000000000',
      '0302000000000000',
      '22'.repeat(32),
      '07060504', // miscMask
      '0908', // configSvn
      '0b0a', // isvProdId
      '33'.repeat(32),
      '02000000', // additionalDataBytes
      '03000000', // plaintextBytes
      '0102',
      '44'.repeat(3),
      '55'.repeat(16),
    ].join(''),
  )
})

test('what is encoded is parsed again', () => {
  const u16 = fc.nat(0xffff)
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const u64 = fc.bigInt(0n, 2n ** 64n - 1n)
  const anyHeader = fc.record({
    keySource: fc.constantFrom('egetkey' as const, 'fixed' as const),
    request: fc.record({
      keyName: fc.constant(KeyName.seal),
      keyPolicy: fc.constantFrom(1, 2, 0x39, 0x3a),
      isvSvn: u16,
      cpuSvn: bytes(16),
      attributeMask: fc.record({ flags: u64, xfrm: u64 }),
      keyId: bytes(32),
      miscMask: fc.nat(0xffff_ffff),
      configSvn: u16,
    }),
    isvProdId: u16,
    sealer: bytes(32),
    additionalData: fc.uint8Array({ maxLength: 50 }),
  })
  fc.assert(
    fc.property(anyHeader, fc.uint8Array({ maxLength: 50 }), bytes(16), (fields, text, mac) => {
      const authenticated = encodeSealedHeader(fields, text.byteLength)
      const parsed = parseSealedBlob(concatBytes(authenticated, text, mac))
      deepEqual(parsed, { ...plain(fields), authenticated, ciphertext: text, tag: mac })
    }),
  )
})

/** Records of fast-check have no prototype. */
function plain(fields: SealedHeader): SealedHeader {
  const { attributeMask, ...request } = fields.request
  return { ...fields, request: { ...request, attributeMask: { ...attributeMask } } }
}

test('a blob cut short anywhere is refused as truncated, and one with more bytes as trailing', () => {
  for (let length = 0; length < blob.byteLength; length++) {
    throws(() => parseSealedBlob(blob.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
  }
  throws(() => parseSealedBlob(concatBytes(blob, Uint8Array.of(0))), {
    code: 'ERR_FORMAT_TRAILING',
  })
})

test('another magic, version, key source or policy is refused by its field', () => {
  const changes = [
    [0x00, 'sealed.magic'],
    [0x10, 'sealed.version'],
    [0x12, 'sealed.keySource'],
    [0x14, 'sealed.keyPolicy'],
  ] as const
  for (const [offset, field] of changes) {
    for (const value of [0, 3, 0xff]) {
      const changed = blob.slice()
      changed[offset] = value
      throws(() => parseSealedBlob(changed), { code: 'ERR_FORMAT_VALUE', field, offset })
    }
  }
})

test('lengths are bounded before they are used, on both sides', () => {
  const claims = [
    [0x80, 'sealed.additionalDataBytes', maxAdditionalDataBytes],
    [0x84, 'sealed.plaintextBytes', maxPlaintextBytes],
  ] as const
  for (const [offset, field, most] of claims) {
    for (const [length, code] of [
      [most, 'ERR_FORMAT_TRUNCATED'],
      [most + 1, 'ERR_FORMAT_VALUE'],
      [0xffff_ffff, 'ERR_FORMAT_VALUE'],
    ] as const) {
      const changed = blob.slice()
      new DataView(changed.buffer).setUint32(offset, length, true)
      throws(() => parseSealedBlob(changed), { code })
    }
    const [data, plaintext] = offset === 0x80 ? [most + 1, 0] : [0, most + 1]
    const fields = { ...header, additionalData: new Uint8Array(data) }
    throws(() => encodeSealedHeader(fields, plaintext), { code: 'ERR_FORMAT_VALUE', field, offset })
  }
})
