import { ByteReader, ByteWriter } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'

/** The enclave that a REPORT is made for: what EREPORT needs to derive that enclave's report key. */
export interface TargetInfo {
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array
  readonly attributes: Attributes
  readonly configSvn: number
  readonly miscSelect: number
  /** 64 bytes. */
  readonly configId: Uint8Array
}

/**
 * Reads a TARGETINFO, exactly 512 bytes. Byte fields are views of the input; reserved bytes are skipped.
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
  reader.bytes('reserved1', 2)
  const configSvn = reader.u16le('configSvn')
  const miscSelect = reader.u32le('miscSelect')
  reader.bytes('reserved2', 8)
  const configId = reader.bytes('configId', 64)
  reader.bytes('reserved3', 384)
  reader.end()
  return { mrEnclave, attributes, configSvn, miscSelect, configId }
}

/** The 512 bytes of a TARGETINFO; reserved bytes are zero. @throws {FormatError} `ERR_FORMAT_VALUE` */
export function encodeTargetInfo(target: TargetInfo): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter('targetInfo').bytes('mrEnclave', target.mrEnclave, 32)
  return writeAttributes(writer, 'attributes', target.attributes)
    .zeros(2)
    .u16le('configSvn', target.configSvn)
    .u32le('miscSelect', target.miscSelect)
    .zeros(8)
    .bytes('configId', target.configId, 64)
    .zeros(384)
    .done()
}
