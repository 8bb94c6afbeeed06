import { type ByteReader, ByteWriter } from '@alcove/bytes'

/** What the TDX module says about a TD: its measurements, its platform's TCB, and 64 bytes of its own choice. */
export type TdReportBody = TdReportBody10 | TdReportBody15 | TdReportBody15Extended

export interface TdReportBody10 extends TdReportFields {
  readonly version: '1.0'
}

/** Of a TDX module of 1.5: it can be updated while TDs run. */
export interface TdReportBody15 extends TdReportFields, TdReportFields15 {
  readonly version: '1.5'
}

/** In no quote that has been seen; its fields are those of Intel's header file. */
export interface TdReportBody15Extended extends TdReportFields, TdReportFields15 {
  readonly version: '1.5-extended'
  readonly vmId: number
  /** 32 bytes. */
  readonly tdId: Uint8Array
  /** 48 bytes. */
  readonly devInfo: Uint8Array
  /** 48 bytes. */
  readonly initServiceTdHash: Uint8Array
  readonly initAttributes: bigint
  /** 16 bytes. */
  readonly initCpuSvn: Uint8Array
  /** 16 bytes. */
  readonly initTeeTcbSvn: Uint8Array
  /** 12 bytes. */
  readonly initFmspc: Uint8Array
  /** 48 bytes. */
  readonly serviceTdHash: Uint8Array
  readonly serviceTdAttributes: bigint
}

interface TdReportFields {
  /** 16 bytes: the TDX module's minor and major version, then other components. As of the TD's launch. */
  readonly teeTcbSvn: Uint8Array
  /** 48 bytes: the TDX module. */
  readonly mrSeam: Uint8Array
  /** 48 bytes; zeros for Intel's. */
  readonly mrSignerSeam: Uint8Array
  readonly seamAttributes: bigint
  /** See TdAttribute. */
  readonly tdAttributes: bigint
  readonly xfam: bigint
  /** 48 bytes: what the TD was launched from. */
  readonly mrTd: Uint8Array
  /** 48 bytes. */
  readonly mrConfigId: Uint8Array
  /** 48 bytes. */
  readonly mrOwner: Uint8Array
  /** 48 bytes. */
  readonly mrOwnerConfig: Uint8Array
  /** 48 bytes each: what the TD has measured since. */
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  /** 64 bytes. */
  readonly reportData: Uint8Array
}

interface TdReportFields15 {
  /** 16 bytes: as `teeTcbSvn`, of the module that runs now. */
  readonly teeTcbSvn2: Uint8Array
  /** 48 bytes. */
  readonly mrServiceTd: Uint8Array
}

/** Bits of `TdReportBody.tdAttributes`. */
export const TdAttribute = {
  debug: 0x1n,
  septVeDisable: 0x1000_0000n,
  pks: 0x4000_0000n,
  keyLocker: 0x8000_0000n,
  perfmon: 0x8000_0000_0000_0000n,
} as const

/** Bits of `tdAttributes` of which each means that the TD is under debug; only the first has a name, `debug`. */
export const TD_UNDER_DEBUG = 0xffn

export const TD_REPORT_BODY_BYTES = { '1.0': 584, '1.5': 648, '1.5-extended': 885 } as const

/**
 * Reads a TD's report body: 584 bytes, 648 of version 1.5, 885 with its extension. Byte fields are views of the input.
 *
 * | offset | size | field          | offset | size | field (1.5)    | offset | size | field (extended)    |
 * | -----: | ---: | -------------- | -----: | ---: | -------------- | -----: | ---: | ------------------- |
 * |  0x000 |   16 | teeTcbSvn      |  0x248 |   16 | teeTcbSvn2     |  0x288 |    1 | vmId                |
 * |  0x010 |   48 | mrSeam         |  0x258 |   48 | mrServiceTd    |  0x289 |   32 | tdId                |
 * |  0x040 |   48 | mrSignerSeam   |        |      |                |  0x2a9 |   48 | devInfo             |
 * |  0x070 |    8 | seamAttributes |        |      |                |  0x2d9 |   48 | initServiceTdHash   |
 * |  0x078 |    8 | tdAttributes   |        |      |                |  0x309 |    8 | initAttributes      |
 * |  0x080 |    8 | xfam           |        |      |                |  0x311 |   16 | initCpuSvn          |
 * |  0x088 |   48 | mrTd           |        |      |                |  0x321 |   16 | initTeeTcbSvn       |
 * |  0x0b8 |   48 | mrConfigId     |        |      |                |  0x331 |   12 | initFmspc           |
 * |  0x0e8 |   48 | mrOwner        |        |      |                |  0x33d |   48 | serviceTdHash       |
 * |  0x118 |   48 | mrOwnerConfig  |        |      |                |  0x36d |    8 | serviceTdAttributes |
 * |  0x148 | 4×48 | rtmrs          |        |      |                |        |      |                     |
 * |  0x208 |   64 | reportData     |        |      |                |        |      |                     |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`
 * @see docs/formats/td-report.md
 */
export function parseTdReportBody(
  reader: ByteReader,
  version: TdReportBody['version'],
): TdReportBody {
  const fields = parseFields(reader)
  if (version === '1.0') return { version, ...fields }
  const teeTcbSvn2 = reader.bytes('teeTcbSvn2', 16)
  const mrServiceTd = reader.bytes('mrServiceTd', 48)
  if (version === '1.5') return { version, ...fields, teeTcbSvn2, mrServiceTd }
  return { version, ...fields, teeTcbSvn2, mrServiceTd, ...parseExtension(reader) }
}

function parseFields(reader: ByteReader): TdReportFields {
  return {
    teeTcbSvn: reader.bytes('teeTcbSvn', 16),
    mrSeam: reader.bytes('mrSeam', 48),
    mrSignerSeam: reader.bytes('mrSignerSeam', 48),
    seamAttributes: reader.u64le('seamAttributes'),
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
    reportData: reader.bytes('reportData', 64),
  }
}

type Extension = Omit<
  TdReportBody15Extended,
  'version' | keyof TdReportFields | keyof TdReportFields15
>

function parseExtension(reader: ByteReader): Extension {
  return {
    vmId: reader.u8('vmId'),
    tdId: reader.bytes('tdId', 32),
    devInfo: reader.bytes('devInfo', 48),
    initServiceTdHash: reader.bytes('initServiceTdHash', 48),
    initAttributes: reader.u64le('initAttributes'),
    initCpuSvn: reader.bytes('initCpuSvn', 16),
    initTeeTcbSvn: reader.bytes('initTeeTcbSvn', 16),
    initFmspc: reader.bytes('initFmspc', 12),
    serviceTdHash: reader.bytes('serviceTdHash', 48),
    serviceTdAttributes: reader.u64le('serviceTdAttributes'),
  }
}

/**
 * The bytes of a TD's report body.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/td-report.md
 */
export function encodeTdReportBody(body: TdReportBody): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter('tdReportBody')
    .bytes('teeTcbSvn', body.teeTcbSvn, 16)
    .bytes('mrSeam', body.mrSeam, 48)
    .bytes('mrSignerSeam', body.mrSignerSeam, 48)
    .u64le('seamAttributes', body.seamAttributes)
    .u64le('tdAttributes', body.tdAttributes)
    .u64le('xfam', body.xfam)
    .bytes('mrTd', body.mrTd, 48)
    .bytes('mrConfigId', body.mrConfigId, 48)
    .bytes('mrOwner', body.mrOwner, 48)
    .bytes('mrOwnerConfig', body.mrOwnerConfig, 48)
  for (const [index, rtmr] of body.rtmrs.entries()) writer.bytes(`rtmr${index}`, rtmr, 48)
  writer.bytes('reportData', body.reportData, 64)
  if (body.version === '1.0') return writer.done()
  writer.bytes('teeTcbSvn2', body.teeTcbSvn2, 16).bytes('mrServiceTd', body.mrServiceTd, 48)
  return body.version === '1.5' ? writer.done() : writeExtension(writer, body).done()
}

function writeExtension(writer: ByteWriter, body: TdReportBody15Extended): ByteWriter {
  return writer
    .u8('vmId', body.vmId)
    .bytes('tdId', body.tdId, 32)
    .bytes('devInfo', body.devInfo, 48)
    .bytes('initServiceTdHash', body.initServiceTdHash, 48)
    .u64le('initAttributes', body.initAttributes)
    .bytes('initCpuSvn', body.initCpuSvn, 16)
    .bytes('initTeeTcbSvn', body.initTeeTcbSvn, 16)
    .bytes('initFmspc', body.initFmspc, 12)
    .bytes('serviceTdHash', body.serviceTdHash, 48)
    .u64le('serviceTdAttributes', body.serviceTdAttributes)
}
