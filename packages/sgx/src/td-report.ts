import { ByteReader, ByteWriter } from '@alcove/bytes'
import { encodeReportMac, parseReportMac, REPORT_MAC_BYTES, type ReportMac } from './report-mac.ts'
import { reservedIn } from './reserved.ts'
import { section } from './section.ts'

/** What the TDX module makes for a TD: only the same platform can check it, and its quoting enclave makes a quote of it. */
export interface TdReport {
  readonly reportMac: ReportMac
  readonly teeTcbInfo: TeeTcbInfo
  readonly tdInfo: TdInfo
  /** The 17 bytes between `teeTcbInfo` and `tdInfo`; left out where all are zero. */
  readonly reserved?: Uint8Array
}

/** TEE_TCB_INFO: the TDX module. Fields are those of a TdReportBody. */
export interface TeeTcbInfo {
  /** Bit i: the field at offset 8·i is filled in. */
  readonly valid: bigint
  /** 16 bytes. */
  readonly teeTcbSvn: Uint8Array
  /** 48 bytes. */
  readonly mrSeam: Uint8Array
  /** 48 bytes; zeros for Intel's module. */
  readonly mrSignerSeam: Uint8Array
  readonly seamAttributes: bigint
  /** 16 bytes; zeros from a module before 1.5. */
  readonly teeTcbSvn2: Uint8Array
  /** 95 bytes; left out where all are zero. */
  readonly reserved?: Uint8Array
}

/** TDINFO: the TD. Fields are those of a TdReportBody. */
export interface TdInfo {
  /** See TdAttribute. */
  readonly tdAttributes: bigint
  readonly xfam: bigint
  /** 48 bytes. */
  readonly mrTd: Uint8Array
  /** 48 bytes. */
  readonly mrConfigId: Uint8Array
  /** 48 bytes. */
  readonly mrOwner: Uint8Array
  /** 48 bytes. */
  readonly mrOwnerConfig: Uint8Array
  /** 48 bytes each. */
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  /** 48 bytes; zeros from a module before 1.5. */
  readonly mrServiceTd: Uint8Array
  /** 64 bytes; left out where all are zero. */
  readonly reserved?: Uint8Array
}

const TEE_TCB_INFO_BYTES = 239
const TD_INFO_BYTES = 512

/**
 * Reads a TDREPORT, exactly 1024 bytes. Byte fields are views of the input. Neither the MAC is checked, which takes the
 * platform, nor the two hashes in `reportMac`.
 *
 * | offset | size | field      |
 * | -----: | ---: | ---------- |
 * |  0x000 |  256 | reportMac  |
 * |  0x100 |  239 | teeTcbInfo |
 * |  0x1ef |   17 | reserved   |
 * |  0x200 |  512 | tdInfo     |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`; `ERR_FORMAT_VALUE` for another type of TEE
 * @see docs/formats/td-report.md
 */
export function parseTdReport(bytes: Uint8Array): TdReport {
  const reader = new ByteReader(bytes, 'tdReport')
  const reportMac = parseReportMac(section(reader, 'reportMac', REPORT_MAC_BYTES))
  const teeTcbInfo = parseTeeTcbInfo(section(reader, 'teeTcbInfo', TEE_TCB_INFO_BYTES))
  const reserved = reservedIn(reader.bytes('reserved', 17))
  const tdInfo = parseTdInfo(section(reader, 'tdInfo', TD_INFO_BYTES))
  reader.end()
  return { reportMac, teeTcbInfo, tdInfo, ...reserved }
}

/**
 * | offset | size | field        | offset | size | field          |
 * | -----: | ---: | ------------ | -----: | ---: | -------------- |
 * |   0x00 |    8 | valid        |   0x78 |    8 | seamAttributes |
 * |   0x08 |   16 | teeTcbSvn    |   0x80 |   16 | teeTcbSvn2     |
 * |   0x18 |   48 | mrSeam       |   0x90 |   95 | reserved       |
 * |   0x48 |   48 | mrSignerSeam |        |      |                |
 */
function parseTeeTcbInfo(reader: ByteReader): TeeTcbInfo {
  return {
    valid: reader.u64le('valid'),
    teeTcbSvn: reader.bytes('teeTcbSvn', 16),
    mrSeam: reader.bytes('mrSeam', 48),
    mrSignerSeam: reader.bytes('mrSignerSeam', 48),
    seamAttributes: reader.u64le('seamAttributes'),
    teeTcbSvn2: reader.bytes('teeTcbSvn2', 16),
    ...reservedIn(reader.bytes('reserved', 95)),
  }
}

/**
 * | offset | size | field        | offset | size | field         |
 * | -----: | ---: | ------------ | -----: | ---: | ------------- |
 * |  0x000 |    8 | tdAttributes |  0x0a0 |   48 | mrOwnerConfig |
 * |  0x008 |    8 | xfam         |  0x0d0 | 4×48 | rtmrs         |
 * |  0x010 |   48 | mrTd         |  0x190 |   48 | mrServiceTd   |
 * |  0x040 |   48 | mrConfigId   |  0x1c0 |   64 | reserved      |
 * |  0x070 |   48 | mrOwner      |        |      |               |
 */
function parseTdInfo(reader: ByteReader): TdInfo {
  return {
    tdAttributes: reader.u64le('tdAttributes'),
    xfam: reader.u64le('xfam'),
    mrTd: reader.bytes('mrTd', 48),
    mrConfigId: reader.bytes('mrConfigId', 48),
    mrOwner: reader.bytes('mrOwner', 48),
    mrOwnerConfig: reader.bytes('mrOwnerConfig', 48),
    rtmrs: [
      reader.bytes('rtmr0', 48),
      reader.bytes('rtmr1', 48),
      reader.bytes('rtmr2', 48),
      reader.bytes('rtmr3', 48),
    ],
    mrServiceTd: reader.bytes('mrServiceTd', 48),
    ...reservedIn(reader.bytes('reserved', 64)),
  }
}

/**
 * The 1024 bytes of a TDREPORT.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/td-report.md
 */
export function encodeTdReport(report: TdReport): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter('tdReport').rest(encodeReportMac(report.reportMac))
  writeTeeTcbInfo(writer, report.teeTcbInfo)
  writer.bytes('reserved', report.reserved ?? new Uint8Array(17), 17)
  return writeTdInfo(writer, report.tdInfo).done()
}

function writeTeeTcbInfo(writer: ByteWriter, info: TeeTcbInfo): ByteWriter {
  return writer
    .u64le('teeTcbInfo.valid', info.valid)
    .bytes('teeTcbInfo.teeTcbSvn', info.teeTcbSvn, 16)
    .bytes('teeTcbInfo.mrSeam', info.mrSeam, 48)
    .bytes('teeTcbInfo.mrSignerSeam', info.mrSignerSeam, 48)
    .u64le('teeTcbInfo.seamAttributes', info.seamAttributes)
    .bytes('teeTcbInfo.teeTcbSvn2', info.teeTcbSvn2, 16)
    .bytes('teeTcbInfo.reserved', info.reserved ?? new Uint8Array(95), 95)
}

function writeTdInfo(writer: ByteWriter, info: TdInfo): ByteWriter {
  writer
    .u64le('tdInfo.tdAttributes', info.tdAttributes)
    .u64le('tdInfo.xfam', info.xfam)
    .bytes('tdInfo.mrTd', info.mrTd, 48)
    .bytes('tdInfo.mrConfigId', info.mrConfigId, 48)
    .bytes('tdInfo.mrOwner', info.mrOwner, 48)
    .bytes('tdInfo.mrOwnerConfig', info.mrOwnerConfig, 48)
  for (const [index, rtmr] of info.rtmrs.entries()) writer.bytes(`tdInfo.rtmr${index}`, rtmr, 48)
  return writer
    .bytes('tdInfo.mrServiceTd', info.mrServiceTd, 48)
    .bytes('tdInfo.reserved', info.reserved ?? new Uint8Array(64), 64)
}
