import { type ByteReader, ByteWriter } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'
import { reservedIn } from './reserved.ts'

/** What the processor says about an enclave: its identity, its platform's CPUSVN, and 64 bytes of its own choice. */
export interface ReportBody {
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array
  readonly miscSelect: number
  /** 16 bytes; KSS. */
  readonly isvExtProdId: Uint8Array
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
  /** 16 bytes; KSS. */
  readonly isvFamilyId: Uint8Array
  /** 64 bytes. */
  readonly reportData: Uint8Array
  /** The 118 reserved bytes in their order; left out where all are zero, as in every real report seen. */
  readonly reserved?: Uint8Array
}

export const REPORT_BODY_BYTES = 384
const RESERVED_BYTES = 118

/**
 * Reads a report body, 384 bytes. Byte fields are views of the input.
 *
 * | offset | size | field        |
 * | -----: | ---: | ------------ |
 * |   0x00 |   16 | cpuSvn       |
 * |   0x10 |    4 | miscSelect   |
 * |   0x14 |   12 | reserved1    |
 * |   0x20 |   16 | isvExtProdId |
 * |   0x30 |   16 | attributes   |
 * |   0x40 |   32 | mrEnclave    |
 * |   0x60 |   32 | reserved2    |
 * |   0x80 |   32 | mrSigner     |
 * |   0xa0 |   32 | reserved3    |
 * |   0xc0 |   64 | configId     |
 * |  0x100 |    2 | isvProdId    |
 * |  0x102 |    2 | isvSvn       |
 * |  0x104 |    2 | configSvn    |
 * |  0x106 |   42 | reserved4    |
 * |  0x130 |   16 | isvFamilyId  |
 * |  0x140 |   64 | reportData   |
 *
 * Reserved bytes are kept, not checked: a verifier checks signatures over the bytes as received, and Intel's does
 * not look at them either.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`
 * @see docs/formats/report.md
 */
export function parseReportBody(reader: ByteReader): ReportBody {
  const cpuSvn = reader.bytes('cpuSvn', 16)
  const miscSelect = reader.u32le('miscSelect')
  const reserved1 = reader.bytes('reserved1', 12)
  const isvExtProdId = reader.bytes('isvExtProdId', 16)
  const attributes = parseAttributes(reader, 'attributes')
  const mrEnclave = reader.bytes('mrEnclave', 32)
  const reserved2 = reader.bytes('reserved2', 32)
  const mrSigner = reader.bytes('mrSigner', 32)
  const reserved3 = reader.bytes('reserved3', 32)
  const configId = reader.bytes('configId', 64)
  const isvProdId = reader.u16le('isvProdId')
  const isvSvn = reader.u16le('isvSvn')
  const configSvn = reader.u16le('configSvn')
  const reserved4 = reader.bytes('reserved4', 42)
  return {
    cpuSvn,
    miscSelect,
    isvExtProdId,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    isvFamilyId: reader.bytes('isvFamilyId', 16),
    reportData: reader.bytes('reportData', 64),
    ...reservedIn(reserved1, reserved2, reserved3, reserved4),
  }
}

/**
 * The 384 bytes of a report body.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/report.md
 */
export function encodeReportBody(body: ReportBody): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = body
  const writer = new ByteWriter('reportBody')
    .bytes('cpuSvn', body.cpuSvn, 16)
    .u32le('miscSelect', body.miscSelect)
    .bytes('reserved1', reserved.subarray(0, 12), 12)
    .bytes('isvExtProdId', body.isvExtProdId, 16)
  return writeAttributes(writer, 'attributes', body.attributes)
    .bytes('mrEnclave', body.mrEnclave, 32)
    .bytes('reserved2', reserved.subarray(12, 44), 32)
    .bytes('mrSigner', body.mrSigner, 32)
    .bytes('reserved3', reserved.subarray(44, 76), 32)
    .bytes('configId', body.configId, 64)
    .u16le('isvProdId', body.isvProdId)
    .u16le('isvSvn', body.isvSvn)
    .u16le('configSvn', body.configSvn)
    .bytes('reserved4', reserved.subarray(76), 42)
    .bytes('isvFamilyId', body.isvFamilyId, 16)
    .bytes('reportData', body.reportData, 64)
    .done()
}
