import { type ByteReader, ByteWriter } from '@alcove/bytes'
import { reservedIn } from './reserved.ts'

/** The part of a TDREPORT that its MAC is over: it holds the others by their hashes. */
export interface ReportMac {
  /** 0x81: TDX. */
  readonly type: 0x81
  readonly subtype: number
  /** 1 where service TDs are bound to the TD, else 0. */
  readonly version: number
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array
  /** 48 bytes: SHA-384 of the 239 bytes of TEE_TCB_INFO. */
  readonly teeTcbInfoHash: Uint8Array
  /** 48 bytes: SHA-384 of the 512 bytes of TDINFO. */
  readonly teeInfoHash: Uint8Array
  /** 64 bytes: what the TD has asked to be in it. */
  readonly reportData: Uint8Array
  /** 32 bytes, over the bytes before it, with a key that no software has: only the platform that made it can check it. */
  readonly mac: Uint8Array
  /** The 45 reserved bytes in their order; left out where all are zero. */
  readonly reserved?: Uint8Array
}

export const REPORT_MAC_BYTES = 256
const RESERVED_BYTES = 45
const TDX = 0x81

/**
 * Reads a REPORTMACSTRUCT, 256 bytes.
 *
 * | offset | size | field          |
 * | -----: | ---: | -------------- |
 * |   0x00 |    1 | type           |
 * |   0x01 |    1 | subtype        |
 * |   0x02 |    1 | version        |
 * |   0x03 |    1 | reserved1      |
 * |   0x04 |   12 | reserved2      |
 * |   0x10 |   16 | cpuSvn         |
 * |   0x20 |   48 | teeTcbInfoHash |
 * |   0x50 |   48 | teeInfoHash    |
 * |   0x80 |   64 | reportData     |
 * |   0xc0 |   32 | reserved3      |
 * |   0xe0 |   32 | mac            |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`; `ERR_FORMAT_VALUE` for another type of TEE
 * @see docs/formats/td-report.md
 */
export function parseReportMac(reader: ByteReader): ReportMac {
  const type = reader.u8('type')
  if (type !== TDX) {
    throw reader.refuse('type', 1, `TEE type 0x${type.toString(16)}; want 0x81, TDX`)
  }
  const subtype = reader.u8('subtype')
  const version = reader.u8('version')
  const reserved1 = reader.bytes('reserved1', 1)
  const reserved2 = reader.bytes('reserved2', 12)
  const cpuSvn = reader.bytes('cpuSvn', 16)
  const teeTcbInfoHash = reader.bytes('teeTcbInfoHash', 48)
  const teeInfoHash = reader.bytes('teeInfoHash', 48)
  const reportData = reader.bytes('reportData', 64)
  const reserved3 = reader.bytes('reserved3', 32)
  const mac = reader.bytes('mac', 32)
  const reserved = reservedIn(reserved1, reserved2, reserved3)
  return {
    type,
    subtype,
    version,
    cpuSvn,
    teeTcbInfoHash,
    teeInfoHash,
    reportData,
    mac,
    ...reserved,
  }
}

/** @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field */
export function encodeReportMac(reportMac: ReportMac): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = reportMac
  return new ByteWriter('tdReport.reportMac')
    .u8('type', reportMac.type)
    .u8('subtype', reportMac.subtype)
    .u8('version', reportMac.version)
    .bytes('reserved1', reserved.subarray(0, 1), 1)
    .bytes('reserved2', reserved.subarray(1, 13), 12)
    .bytes('cpuSvn', reportMac.cpuSvn, 16)
    .bytes('teeTcbInfoHash', reportMac.teeTcbInfoHash, 48)
    .bytes('teeInfoHash', reportMac.teeInfoHash, 48)
    .bytes('reportData', reportMac.reportData, 64)
    .bytes('reserved3', reserved.subarray(13), 32)
    .bytes('mac', reportMac.mac, 32)
    .done()
}
