import { ByteReader, ByteWriter } from '@alcove/bytes'
import { KeyName, KeyPolicy, type KeyRequest } from '@alcove/sgx'
import type { KeySource } from './platform.ts'

/** What may be read by whoever has the blob. All of it is authenticated. */
export interface SealedHeader {
  readonly keySource: KeySource
  /** With which the key is had again. Its policy is MRENCLAVE or MRSIGNER, and `kssPolicy` where the enclave has KSS. */
  readonly request: KeyRequest
  readonly isvProdId: number
  /** 32 bytes: MRENCLAVE or MRSIGNER of the enclave that sealed, as the policy is. */
  readonly sealer: Uint8Array
  readonly additionalData: Uint8Array
}

export interface SealedBlob extends SealedHeader {
  /** The blob up to its ciphertext. */
  readonly authenticated: Uint8Array
  readonly ciphertext: Uint8Array
  /** 16 bytes. */
  readonly tag: Uint8Array
}

export const maxAdditionalDataBytes: number = 2 ** 16
export const maxPlaintextBytes: number = 2 ** 26

const magic = new TextEncoder().encode('ALCOVE SEALED\0\0\0')
const version = 1
const keySources: readonly KeySource[] = ['egetkey', 'fixed']
/** What tells enclaves of one MRENCLAVE or MRSIGNER apart where they have KSS. */
export const kssPolicy: number = KeyPolicy.configId | KeyPolicy.isvFamilyId | KeyPolicy.isvExtProdId
const policies: readonly number[] = [KeyPolicy.mrEnclave, KeyPolicy.mrSigner].flatMap(policy => [
  policy,
  policy | kssPolicy,
])

/**
 * Reads a sealed blob. Byte fields are views of the input. Nothing is decrypted.
 *
 * | offset | size | field               |
 * | -----: | ---: | ------------------- |
 * |   0x00 |   16 | magic               |
 * |   0x10 |    2 | version             |
 * |   0x12 |    2 | keySource           |
 * |   0x14 |    2 | keyPolicy           |
 * |   0x16 |    2 | isvSvn              |
 * |   0x18 |   16 | cpuSvn              |
 * |   0x28 |    8 | attributeMask.flags |
 * |   0x30 |    8 | attributeMask.xfrm  |
 * |   0x38 |   32 | keyId               |
 * |   0x58 |    4 | miscMask            |
 * |   0x5c |    2 | configSvn           |
 * |   0x5e |    2 | isvProdId           |
 * |   0x60 |   32 | sealer              |
 * |   0x80 |    4 | additionalDataBytes |
 * |   0x84 |    4 | plaintextBytes      |
 * |   0x88 |    n | additionalData      |
 * |        |    m | ciphertext          |
 * |        |   16 | tag                 |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`; `ERR_FORMAT_VALUE` for another magic or version, and for
 *   what no version 1 blob says
 * @see docs/formats/sealed-blob.md
 */
export function parseSealedBlob(bytes: Uint8Array): SealedBlob {
  const reader = new ByteReader(bytes, 'sealed')
  reader.expectBytes('magic', magic)
  reader.expectU16le('version', version)
  const keySource = keySources[reader.u16le('keySource') - 1]
  if (keySource === undefined) throw reader.refuse('keySource', 2, 'want 1 or 2')
  const keyPolicy = reader.u16le('keyPolicy')
  if (!policies.includes(keyPolicy)) {
    throw reader.refuse('keyPolicy', 2, 'want 1 or 2, with or without 0x38')
  }
  const request = {
    keyName: KeyName.seal,
    keyPolicy,
    isvSvn: reader.u16le('isvSvn'),
    cpuSvn: reader.bytes('cpuSvn', 16),
    attributeMask: {
      flags: reader.u64le('attributeMask.flags'),
      xfrm: reader.u64le('attributeMask.xfrm'),
    },
    keyId: reader.bytes('keyId', 32),
    miscMask: reader.u32le('miscMask'),
    configSvn: reader.u16le('configSvn'),
  }
  const isvProdId = reader.u16le('isvProdId')
  const sealer = reader.bytes('sealer', 32)
  const additionalDataBytes = boundedLength(reader, 'additionalDataBytes', maxAdditionalDataBytes)
  const plaintextBytes = boundedLength(reader, 'plaintextBytes', maxPlaintextBytes)
  const additionalData = reader.bytes('additionalData', additionalDataBytes)
  const authenticated = bytes.subarray(0, reader.position)
  const ciphertext = reader.bytes('ciphertext', plaintextBytes)
  const tag = reader.bytes('tag', 16)
  reader.end()
  return { keySource, request, isvProdId, sealer, additionalData, authenticated, ciphertext, tag }
}

/**
 * The blob up to its ciphertext.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for what does not fit its field, and for more than 64 KiB of additional data or
 *   64 MiB of plaintext
 */
export function encodeSealedHeader(header: SealedHeader, plaintextBytes: number): Uint8Array {
  const { request, additionalData } = header
  const writer = new ByteWriter('sealed')
    .rest(magic)
    .u16le('version', version)
    .u16le('keySource', keySources.indexOf(header.keySource) + 1)
    .u16le('keyPolicy', request.keyPolicy)
    .u16le('isvSvn', request.isvSvn)
    .bytes('cpuSvn', request.cpuSvn, 16)
    .u64le('attributeMask.flags', request.attributeMask.flags)
    .u64le('attributeMask.xfrm', request.attributeMask.xfrm)
    .bytes('keyId', request.keyId, 32)
    .u32le('miscMask', request.miscMask)
    .u16le('configSvn', request.configSvn)
    .u16le('isvProdId', header.isvProdId)
    .bytes('sealer', header.sealer, 32)
    .u32le('additionalDataBytes', additionalData.byteLength)
    .u32le('plaintextBytes', plaintextBytes)
  const lengths = new ByteReader(writer.done().subarray(-8), 'sealed', writer.length - 8)
  boundedLength(lengths, 'additionalDataBytes', maxAdditionalDataBytes)
  boundedLength(lengths, 'plaintextBytes', maxPlaintextBytes)
  return writer.rest(additionalData).done()
}

function boundedLength(reader: ByteReader, field: string, most: number): number {
  const length = reader.u32le(field)
  if (length > most) throw reader.refuse(field, 4, `${length} bytes, at most ${most}`)
  return length
}
