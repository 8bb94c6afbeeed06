import { ByteReader, ByteWriter } from '@alcove/bytes'
import {
  encodeReportBody,
  parseReportBody,
  REPORT_BODY_BYTES,
  type ReportBody,
} from './report-body.ts'
import { section } from './section.ts'

/** What EREPORT makes: a body that only the target enclave, on the same platform, can check. */
export interface Report {
  readonly body: ReportBody
  /** 32 bytes: which report key made the MAC. */
  readonly keyId: Uint8Array
  /** 16 bytes: AES-128-CMAC over the 384 bytes of the body. */
  readonly mac: Uint8Array
}

/**
 * Reads a REPORT, exactly 432 bytes. Byte fields are views of the input. The MAC is not checked: that takes the key.
 *
 * | offset | size | field |
 * | -----: | ---: | ----- |
 * |   0x00 |  384 | body  |
 * |  0x180 |   32 | keyId |
 * |  0x1a0 |   16 | mac   |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`
 * @see docs/formats/report.md
 */
export function parseReport(bytes: Uint8Array): Report {
  const reader = new ByteReader(bytes, 'report')
  const body = parseReportBody(section(reader, 'body', REPORT_BODY_BYTES))
  const keyId = reader.bytes('keyId', 32)
  const mac = reader.bytes('mac', 16)
  reader.end()
  return { body, keyId, mac }
}

/** @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field */
export function encodeReport(report: Report): Uint8Array<ArrayBuffer> {
  return new ByteWriter('report')
    .rest(encodeReportBody(report.body))
    .bytes('keyId', report.keyId, 32)
    .bytes('mac', report.mac, 16)
    .done()
}
