import { ByteReader, ByteWriter } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'
import { reservedIn } from './reserved.ts'

/** An enclave as the processor holds it: ECREATE takes one, and EINIT fills in who the enclave is. */
export interface Secs {
  /** Of the enclave's address range, in bytes; a power of two. */
  readonly size: bigint
  /** Where that range begins. */
  readonly baseAddress: bigint
  /** In pages. */
  readonly ssaFrameSize: number
  readonly miscSelect: number
  readonly attributes: Attributes
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array
  /** 32 bytes. */
  readonly mrSigner: Uint8Array
  /** 64 bytes; KSS. */
  readonly configId: Uint8Array
  readonly isvProdId: number
  readonly isvSvn: number
  /** KSS. */
  readonly configSvn: number
  /** The 3922 reserved bytes in their order; left out where all are zero. */
  readonly reserved?: Uint8Array
}

const RESERVED_BYTES = 3922

/**
 * Reads a SECS, exactly 4096 bytes. Byte fields are views of the input.
 *
 * | offset | size | field        | offset | size | field     |
 * | -----: | ---: | ------------ | -----: | ---: | --------- |
 * |  0x000 |    8 | size         |  0x080 |   32 | mrSigner  |
 * |  0x008 |    8 | baseAddress  |  0x0a0 |   32 | reserved3 |
 * |  0x010 |    4 | ssaFrameSize |  0x0c0 |   64 | configId  |
 * |  0x014 |    4 | miscSelect   |  0x100 |    2 | isvProdId |
 * |  0x018 |   24 | reserved1    |  0x102 |    2 | isvSvn    |
 * |  0x030 |   16 | attributes   |  0x104 |    2 | configSvn |
 * |  0x040 |   32 | mrEnclave    |  0x106 | 3834 | reserved4 |
 * |  0x060 |   32 | reserved2    |        |      |           |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`
 * @see docs/formats/secs.md
 */
export function parseSecs(bytes: Uint8Array): Secs {
  const reader = new ByteReader(bytes, 'secs')
  const size = reader.u64le('size')
  const baseAddress = reader.u64le('baseAddress')
  const ssaFrameSize = reader.u32le('ssaFrameSize')
  const miscSelect = reader.u32le('miscSelect')
  const reserved1 = reader.unlessZero('reserved1', 24)
  const attributes = parseAttributes(reader, 'attributes')
  const mrEnclave = reader.bytes('mrEnclave', 32)
  const reserved2 = reader.unlessZero('reserved2', 32)
  const mrSigner = reader.bytes('mrSigner', 32)
  const reserved3 = reader.unlessZero('reserved3', 32)
  const configId = reader.bytes('configId', 64)
  const isvProdId = reader.u16le('isvProdId')
  const isvSvn = reader.u16le('isvSvn')
  const configSvn = reader.u16le('configSvn')
  const reserved4 = reader.unlessZero('reserved4', 3834)
  reader.end()
  return {
    size,
    baseAddress,
    ssaFrameSize,
    miscSelect,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    ...reservedIn(reserved1, reserved2, reserved3, reserved4),
  }
}

/**
 * The 4096 bytes of a SECS.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/secs.md
 */
export function encodeSecs(secs: Secs): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = secs
  const writer = new ByteWriter('secs')
    .u64le('size', secs.size)
    .u64le('baseAddress', secs.baseAddress)
    .u32le('ssaFrameSize', secs.ssaFrameSize)
    .u32le('miscSelect', secs.miscSelect)
    .bytes('reserved1', reserved.subarray(0, 24), 24)
  return writeAttributes(writer, 'attributes', secs.attributes)
    .bytes('mrEnclave', secs.mrEnclave, 32)
    .bytes('reserved2', reserved.subarray(24, 56), 32)
    .bytes('mrSigner', secs.mrSigner, 32)
    .bytes('reserved3', reserved.subarray(56, 88), 32)
    .bytes('configId', secs.configId, 64)
    .u16le('isvProdId', secs.isvProdId)
    .u16le('isvSvn', secs.isvSvn)
    .u16le('configSvn', secs.configSvn)
    .bytes('reserved4', reserved.subarray(88), 3834)
    .done()
}
