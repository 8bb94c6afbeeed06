import { ByteReader, ByteWriter, equalBytes } from '@alcove/bytes'

/** Bytes of an attestation key id as the wire carries it. */
export const keyIdBytes = 256
const baseBytes = 158
const signerBytes = 48
/** The most entries that a list may have. */
const maxListed = 10

/** Which attestation key a quote is to be signed with: the quoting enclave's signer, and its algorithm. */
export interface AttestationKeyId {
  readonly id: number
  readonly version: number
  /** MRSIGNER of the quoting enclave, at most 48 bytes. */
  readonly mrSigner: Uint8Array
  readonly prodId: number
  readonly extendedProdId: Uint8Array
  readonly configId: Uint8Array
  readonly familyId: Uint8Array
  /** 2: ECDSA on P-256. */
  readonly algorithmId: number
  readonly spid: Uint8Array
  readonly keyType: number
  readonly reserved: Uint8Array
}

/**
 * Reads an attestation key id.
 *
 * | offset | size | field          |
 * | -----: | ---: | -------------- |
 * |   0x00 |    2 | id             |
 * |   0x02 |    2 | version        |
 * |   0x04 |    2 | mrSignerLength |
 * |   0x06 |   48 | mrSigner       |
 * |   0x36 |    4 | prodId         |
 * |   0x3a |   16 | extendedProdId |
 * |   0x4a |   64 | configId       |
 * |   0x8a |   16 | familyId       |
 * |   0x9a |    4 | algorithmId    |
 * |   0x9e |   16 | spid           |
 * |   0xae |    2 | keyType        |
 * |   0xb0 |   80 | reserved       |
 *
 * @throws {FormatError} another length than 256; a signer longer than its field
 * @see docs/formats/aesm.md
 */
export function parseAttestationKeyId(bytes: Uint8Array): AttestationKeyId {
  const reader = new ByteReader(bytes, 'attKeyId')
  const id = reader.u16le('id')
  const version = reader.u16le('version')
  const signerLength = reader.u16le('mrSignerLength')
  if (signerLength > signerBytes)
    throw reader.refuse('mrSignerLength', 2, `${signerLength}, at most 48`)
  const signer = reader.nested('mrSigner', signerBytes)
  const parsed = {
    id,
    version,
    mrSigner: signer.bytes('value', signerLength),
    prodId: reader.u32le('prodId'),
    extendedProdId: reader.bytes('extendedProdId', 16),
    configId: reader.bytes('configId', 64),
    familyId: reader.bytes('familyId', 16),
    algorithmId: reader.u32le('algorithmId'),
    spid: reader.bytes('spid', 16),
    keyType: reader.u16le('keyType'),
    reserved: reader.bytes('reserved', 80),
  }
  reader.end()
  return parsed
}

/** @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field */
export function encodeAttestationKeyId(keyId: AttestationKeyId): Uint8Array {
  const signerLength = keyId.mrSigner.byteLength
  return new ByteWriter('attKeyId')
    .u16le('id', keyId.id)
    .u16le('version', keyId.version)
    .u16le('mrSignerLength', signerLength)
    .bytes('mrSigner', keyId.mrSigner, Math.min(signerLength, signerBytes))
    .zeros(signerBytes - signerLength)
    .u32le('prodId', keyId.prodId)
    .bytes('extendedProdId', keyId.extendedProdId, 16)
    .bytes('configId', keyId.configId, 64)
    .bytes('familyId', keyId.familyId, 16)
    .u32le('algorithmId', keyId.algorithmId)
    .bytes('spid', keyId.spid, 16)
    .u16le('keyType', keyId.keyType)
    .bytes('reserved', keyId.reserved, 80)
    .done()
}

/**
 * The one id that every client in the field asks for: Intel's production quoting enclave,
 * ECDSA on P-256. Clients have it compiled in, so it stands for "the ECDSA quoting enclave of
 * this platform" whoever signed that.
 */
export const ecdsaP256KeyId: Uint8Array = encodeAttestationKeyId({
  id: 0,
  version: 0,
  mrSigner: Uint8Array.fromHex('8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff'),
  prodId: 1,
  extendedProdId: new Uint8Array(16),
  configId: new Uint8Array(64),
  familyId: new Uint8Array(16),
  algorithmId: 2,
  spid: new Uint8Array(16),
  keyType: 0,
  reserved: new Uint8Array(80),
})

/** Whether two ids of 256 bytes or more name the same key: their first 158 bytes are compared, as Intel's daemon does. */
export function sameKey(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(0, baseBytes), b.subarray(0, baseBytes))
}

/**
 * Reads a list of attestation key ids, each of 256 bytes.
 *
 * | offset | size      | field         |
 * | -----: | --------: | ------------- |
 * |   0x00 |         2 | id, 0         |
 * |   0x02 |         2 | version, 0    |
 * |   0x04 |         4 | count, ≤ 10   |
 * |   0x08 | 256×count | the ids       |
 *
 * @throws {FormatError} another header, more than ten, or another length than the count says
 * @see docs/formats/aesm.md
 */
export function parseKeyIdList(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes, 'attKeyIdList')
  reader.expectU16le('id', 0)
  reader.expectU16le('version', 0)
  const count = reader.u32le('count')
  if (count > maxListed) throw reader.refuse('count', 4, `${count}, at most ${maxListed}`)
  const ids = Array.from({ length: count }, (_, index) => reader.bytes(`ids[${index}]`, keyIdBytes))
  reader.end()
  return ids
}

/** @throws {FormatError} `ERR_FORMAT_VALUE` for an id that is not 256 bytes */
export function encodeKeyIdList(ids: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter('attKeyIdList')
  writer.u16le('id', 0).u16le('version', 0).u32le('count', ids.length)
  ids.forEach((id, index) => {
    writer.bytes(`ids[${index}]`, id, keyIdBytes)
  })
  return writer.done()
}
