import { ByteReader, ByteWriter } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'
import { reservedIn } from './reserved.ts'

/** Values of `KeyRequest.keyName`. */
export const KeyName = {
  einitToken: 0,
  provision: 1,
  provisionSeal: 2,
  report: 3,
  seal: 4,
} as const

/** Bits of `KeyRequest.keyPolicy`: what of the enclave's identity goes into a sealing key. */
export const KeyPolicy = {
  mrEnclave: 0x1,
  mrSigner: 0x2,
  noIsvProdId: 0x4,
  configId: 0x8,
  isvFamilyId: 0x10,
  isvExtProdId: 0x20,
} as const

/** What EGETKEY is asked for. */
export interface KeyRequest {
  /** One of KeyName; another number is carried as it is, for the platform to refuse. */
  readonly keyName: number
  /** Bits of KeyPolicy. */
  readonly keyPolicy: number
  readonly isvSvn: number
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array
  readonly attributeMask: Attributes
  /** 32 bytes. */
  readonly keyId: Uint8Array
  readonly miscMask: number
  readonly configSvn: number
  /** The 436 reserved bytes in their order; left out where all are zero. */
  readonly reserved?: Uint8Array
}

const RESERVED_BYTES = 436

/**
 * Reads a KEYREQUEST, exactly 512 bytes. Byte fields are views of the input; reserved bytes are kept.
 *
 * | offset | size | field         |
 * | -----: | ---: | ------------- |
 * |   0x00 |    2 | keyName       |
 * |   0x02 |    2 | keyPolicy     |
 * |   0x04 |    2 | isvSvn        |
 * |   0x06 |    2 | reserved1     |
 * |   0x08 |   16 | cpuSvn        |
 * |   0x18 |   16 | attributeMask |
 * |   0x28 |   32 | keyId         |
 * |   0x48 |    4 | miscMask      |
 * |   0x4c |    2 | configSvn     |
 * |   0x4e |  434 | reserved2     |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`
 * @see docs/formats/key-request.md
 */
export function parseKeyRequest(bytes: Uint8Array): KeyRequest {
  const reader = new ByteReader(bytes, 'keyRequest')
  const keyName = reader.u16le('keyName')
  const keyPolicy = reader.u16le('keyPolicy')
  const isvSvn = reader.u16le('isvSvn')
  const reserved1 = reader.bytes('reserved1', 2)
  const cpuSvn = reader.bytes('cpuSvn', 16)
  const attributeMask = parseAttributes(reader, 'attributeMask')
  const keyId = reader.bytes('keyId', 32)
  const miscMask = reader.u32le('miscMask')
  const configSvn = reader.u16le('configSvn')
  const reserved = reservedIn(reserved1, reader.bytes('reserved2', 434))
  reader.end()
  return {
    keyName,
    keyPolicy,
    isvSvn,
    cpuSvn,
    attributeMask,
    keyId,
    miscMask,
    configSvn,
    ...reserved,
  }
}

/**
 * The 512 bytes of a KEYREQUEST.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/key-request.md
 */
export function encodeKeyRequest(request: KeyRequest): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = request
  const writer = new ByteWriter('keyRequest')
    .u16le('keyName', request.keyName)
    .u16le('keyPolicy', request.keyPolicy)
    .u16le('isvSvn', request.isvSvn)
    .bytes('reserved1', reserved.subarray(0, 2), 2)
    .bytes('cpuSvn', request.cpuSvn, 16)
  return writeAttributes(writer, 'attributeMask', request.attributeMask)
    .bytes('keyId', request.keyId, 32)
    .u32le('miscMask', request.miscMask)
    .u16le('configSvn', request.configSvn)
    .bytes('reserved2', reserved.subarray(2), 434)
    .done()
}

/**
 * Asks for the REPORT key that checks a REPORT of `keyId` (32 bytes): the processor takes everything else from the enclave
 * that asks and from itself.
 */
export function reportKeyRequest(keyId: Uint8Array): KeyRequest {
  return {
    keyName: KeyName.report,
    keyPolicy: 0,
    isvSvn: 0,
    cpuSvn: new Uint8Array(16),
    attributeMask: { flags: 0n, xfrm: 0n },
    keyId,
    miscMask: 0,
    configSvn: 0,
  }
}
