import { ByteReader, ByteWriter } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'
import { reservedIn } from './reserved.ts'

/** The enclave that a REPORT is made for: what EREPORT needs to derive that enclave's report key. */
export interface TargetInfo {
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array
  readonly attributes: Attributes
  readonly configSvn: number
  readonly miscSelect: number
  /** 64 bytes. */
  readonly configId: Uint8Array
  /** The 394 reserved bytes in their order; left out where all are zero. */
  readonly reserved?: Uint8Array
}

const RESERVED_BYTES = 394

/**
 * Reads a TARGETINFO, exactly 512 bytes. Byte fields are views of the input; reserved bytes are kept.
 *
 * | offset | size | field      |
 * | -----: | ---: | ---------- |
 * |   0x00 |   32 | mrEnclave  |
 * |   0x20 |   16 | attributes |
 * |   0x30 |    2 | reserved1  |
 * |   0x32 |    2 | configSvn  |
 * |   0x34 |    4 | miscSelect |
 * |   0x38 |    8 | reserved2  |
 * |   0x40 |   64 | configId   |
 * |   0x80 |  384 | reserved3  |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`
 * @see docs/formats/target-info.md
 */
export function parseTargetInfo(bytes: Uint8Array): TargetInfo {
  const reader = new ByteReader(bytes, 'targetInfo')
  const mrEnclave = reader.bytes('mrEnclave', 32)
  const attributes = parseAttributes(reader, 'attributes')
  const reserved1 = reader.bytes('reserved1', 2)
  const configSvn = reader.u16le('configSvn')
  const miscSelect = reader.u32le('miscSelect')
  const reserved2 = reader.bytes('reserved2', 8)
  const configId = reader.bytes('configId', 64)
  const reserved3 = reader.bytes('reserved3', 384)
  reader.end()
  const reserved = reservedIn(reserved1, reserved2, reserved3)
  return { mrEnclave, attributes, configSvn, miscSelect, configId, ...reserved }
}

/**
 * The 512 bytes of a TARGETINFO.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/target-info.md
 */
export function encodeTargetInfo(target: TargetInfo): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = target
  const writer = new ByteWriter('targetInfo').bytes('mrEnclave', target.mrEnclave, 32)
  return writeAttributes(writer, 'attributes', target.attributes)
    .bytes('reserved1', reserved.subarray(0, 2), 2)
    .u16le('configSvn', target.configSvn)
    .u32le('miscSelect', target.miscSelect)
    .bytes('reserved2', reserved.subarray(2, 10), 8)
    .bytes('configId', target.configId, 64)
    .bytes('reserved3', reserved.subarray(10), 384)
    .done()
}
