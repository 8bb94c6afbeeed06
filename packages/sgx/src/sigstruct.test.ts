import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { ByteWriter, concatBytes } from '@alcove/bytes'
import fc from 'fast-check'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { encodeSigstruct, parseSigstruct, type Sigstruct, verifySigstruct } from './index.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 3072,
  publicExponent: 3,
})
const modulus = Uint8Array.fromBase64(publicKey.export({ format: 'jwk' }).n ?? '', {
  alphabet: 'base64url',
}).toReversed()

const head = new ByteWriter('head')
  .rest(Uint8Array.fromHex('06000000e100000000000100'))
  .u32le('type', 0x8000_0000)
  .u32le('vendor', 0x8086)
  .u32le('date', 0x20261124)
  .rest(Uint8Array.fromHex('01010000600000006000000001000000'))
  .u32le('swDefined', 5)
  .zeros(84)
  .done()
const body = new ByteWriter('body')
  .u32le('miscSelect', 1)
  .u32le('miscMask', 0xffff_ffff)
  .zeros(4)
  .rest(new Uint8Array(16).fill(0xfa))
  .u64le('flags', 0x4n)
  .u64le('xfrm', 0x3n)
  .u64le('flagsMask', 0xffff_ffff_ffff_fffdn)
  .u64le('xfrmMask', 0x1bn)
  .rest(new Uint8Array(32).fill(0xee))
  .zeros(16)
  .rest(new Uint8Array(16).fill(0xfd))
  .u16le('isvProdId', 7)
  .u16le('isvSvn', 9)
  .done()
const signature = Uint8Array.from(sign('sha256', concatBytes(head, body), privateKey)).toReversed()
const number = (bytes: Uint8Array) => BigInt(`0x${bytes.toReversed().toHex()}`)
const little = (value: bigint) =>
  Uint8Array.fromHex(value.toString(16).padStart(768, '0')).toReversed()
const [s, n] = [number(signature), number(modulus)]
const q1 = (s * s) / n
const q2 = ((s * s - q1 * n) * s) / n
const whole = new ByteWriter('sigstruct')
  .rest(head)
  .bytes('modulus', modulus, 384)
  .u32le('exponent', 3)
  .bytes('signature', signature, 384)
  .rest(body)
  .zeros(12)
  .bytes('q1', little(q1), 384)
  .bytes('q2', little(q2), 384)
  .done()

function patched(offset: number, ...patch: number[]): Uint8Array {
  const bytes = whole.slice()
  bytes.set(patch, offset)
  return bytes
}

test('identity fields are read, MRSIGNER is the hash of the little-endian modulus', () => {
  const sigstruct = verifySigstruct(whole)
  equal(sigstruct.mrSigner.toHex(), createHash('sha256').update(modulus).digest('hex'))
  equal(sigstruct.mrEnclave.toHex(), 'ee'.repeat(32))
  equal(sigstruct.isvFamilyId.toHex(), 'fa'.repeat(16))
  equal(sigstruct.isvExtProdId.toHex(), 'fd'.repeat(16))
  deepEqual(sigstruct.attributes, { flags: 4n, xfrm: 3n })
  deepEqual(sigstruct.attributeMask, { flags: 0xffff_ffff_ffff_fffdn, xfrm: 0x1bn })
  const { debug, vendor, date, swDefined, miscSelect, miscMask, isvProdId, isvSvn } = sigstruct
  deepEqual(
    { debug, vendor, date, swDefined, miscSelect, miscMask, isvProdId, isvSvn },
    {
      debug: true,
      vendor: 0x8086,
      date: '2026-11-24',
      swDefined: 5,
      miscSelect: 1,
      miscMask: 0xffff_ffff,
      isvProdId: 7,
      isvSvn: 9,
    },
  )
})

test('a SIGSTRUCT cut short anywhere is refused as truncated, a longer one at its end', () => {
  for (let length = 0; length < whole.length; length++) {
    throws(() => parseSigstruct(whole.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
  }
  throws(() => parseSigstruct(concatBytes(whole, Uint8Array.of(0))), {
    code: 'ERR_FORMAT_TRAILING',
    offset: 1808,
  })
})

/** Any bytes, but for those that are the same in every SIGSTRUCT, and a date of decimal digits. */
const sigstructs = fc
  .record({
    bytes: fc.uint8Array({ minLength: 1808, maxLength: 1808 }),
    date: fc.array(fc.nat(99), { minLength: 4, maxLength: 4 }),
  })
  .map(({ bytes, date }) => {
    bytes.set(whole.subarray(0, 12))
    bytes.set(Uint8Array.fromHex(date.map(pair => `${pair}`.padStart(2, '0')).join('')), 0x14)
    bytes.set(whole.subarray(0x18, 0x28), 0x18)
    bytes.set(whole.subarray(0x200, 0x204), 0x200)
    return bytes
  })

test('every byte of a SIGSTRUCT comes back, reserved ones too', () => {
  fc.assert(
    fc.property(sigstructs, bytes => {
      deepEqual(encodeSigstruct(parseSigstruct(bytes)), bytes)
    }),
  )
  equal('reserved' in parseSigstruct(whole), false)
  for (const offset of [0x2c, 0x38f, 0x3e0, 0x40f]) {
    equal(parseSigstruct(patched(offset, 1)).reserved?.length, 116)
  }
})

test('a date that is none, or a modulus of another length, is not encoded', () => {
  const sigstruct = parseSigstruct(whole)
  const code = 'ERR_FORMAT_VALUE'
  for (const date of ['', '20261124', '2026-11-2a', '02026-11-24']) {
    throws(() => encodeSigstruct({ ...sigstruct, date }), {
      code,
      field: 'sigstruct.date',
      offset: 0x14,
    })
  }
  const key = { modulus: new Uint8Array(383), exponent: 3 as const }
  throws(() => encodeSigstruct({ ...sigstruct, key }), { field: 'sigstruct.modulus', offset: 0x80 })
})

test('headers, date and exponent that are not a SIGSTRUCT’s are refused at their offset', () => {
  const code = 'ERR_FORMAT_VALUE'
  throws(() => parseSigstruct(patched(0, 7)), { code, field: 'sigstruct.header1', offset: 0 })
  throws(() => parseSigstruct(patched(0x14, 0x2a)), { code, field: 'sigstruct.date', offset: 0x14 })
  throws(() => parseSigstruct(patched(0x18, 2)), { code, field: 'sigstruct.header2', offset: 0x18 })
  throws(() => parseSigstruct(patched(0x200, 1)), {
    code,
    field: 'sigstruct.exponent',
    offset: 0x200,
  })
})

test('a changed byte under the signature, in it, in the key or in a quotient is refused', () => {
  // vendor, reserved1, modulus, signature, miscSelect, isvSvn, q1, q2
  for (const offset of [0x10, 0x40, 0x80, 0x1ff, 0x204, 0x384, 0x402, 0x410, 0x58f, 0x590, 0x70f]) {
    const bytes = patched(offset, (whole[offset] ?? 0) ^ 1)
    throws(() => verifySigstruct(bytes), { code: 'ERR_SGX_SIGSTRUCT_SIGNATURE' })
  }
})

test('a modulus that is no key is refused, not a crash', () => {
  for (const fill of [0, 1, 0xff]) {
    const bytes = whole.slice().fill(fill, 0x80, 0x200)
    throws(() => verifySigstruct(bytes), { code: 'ERR_SGX_SIGSTRUCT_SIGNATURE' })
  }
})

await withSharedVectors(
  'real SIGSTRUCTs verify, come back byte for byte and give their MRENCLAVE and MRSIGNER',
  10,
  async vectors => {
    test('test_enclave.sig: ENCLAVEHASH is the MRENCLAVE of test_enclave.sgxs', async () => {
      const sigstruct = comesBack(await vectors.bytes('mrenclave/test_enclave.sig'))
      equal(
        sigstruct.mrEnclave.toHex(),
        '784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc',
      )
      equal(sigstruct.date, '2016-12-14')
    })
    test('sig1.sigstruct.bin: MRENCLAVE and MRSIGNER are the published ones', async () => {
      const sigstruct = comesBack(await vectors.bytes('sigstruct/sig1.sigstruct.bin'))
      equal(
        sigstruct.mrEnclave.toHex(),
        'c50673624a6cb17c1c6c2a4e6906f47a170c4629b8723781d1017ef376f1a75d',
      )
      equal(
        sigstruct.mrSigner.toHex(),
        '83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e',
      )
    })
    type Signed = {
      name: string
      sigstruct_hex: string
      mrenclave: string
      mrsigner: string
      date: string
    }
    const gramine = (await vectors.json('gramine-sgx-sign/vectors.json')) as { vectors: Signed[] }
    for (const { name, sigstruct_hex, mrenclave, mrsigner, date } of gramine.vectors) {
      test(`Gramine's signer, ${name}: signature, MRENCLAVE, MRSIGNER and date`, () => {
        const sigstruct = comesBack(Uint8Array.fromHex(sigstruct_hex))
        equal(sigstruct.mrEnclave.toHex(), mrenclave)
        equal(sigstruct.mrSigner.toHex(), mrsigner)
        equal(sigstruct.date, date)
      })
    }
  },
)

function comesBack(bytes: Uint8Array): Sigstruct {
  const sigstruct = verifySigstruct(bytes)
  equal(encodeSigstruct(sigstruct).toHex(), bytes.toHex())
  return sigstruct
}
