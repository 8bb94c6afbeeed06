import { ByteReader, ByteWriter } from '@alcove/bytes'

export const qeReportInfoBytes = 960
export const targetInfoBytes = 512
export const reportBytes = 432
export const pubKeyIdBytes = 32

/** Asks for a REPORT of the quoting enclave over the quote; the answer carries the same with `qeReport` filled in. */
export interface QeReportInfo {
  readonly nonce: Uint8Array
  /** TARGETINFO of the enclave that is to verify the quoting enclave's REPORT. */
  readonly appEnclaveTargetInfo: Uint8Array
  /** REPORTDATA is SHA-256 of the nonce and the quote, then 32 zero bytes. All zero in a request. */
  readonly qeReport: Uint8Array
}

/**
 * Reads a `qe_report_info`.
 *
 * | offset | size | field                |
 * | -----: | ---: | -------------------- |
 * |  0x000 |   16 | nonce                |
 * |  0x010 |  512 | appEnclaveTargetInfo |
 * |  0x210 |  432 | qeReport             |
 *
 * @throws {FormatError} another length than 960
 * @see docs/formats/aesm.md
 */
export function parseQeReportInfo(bytes: Uint8Array): QeReportInfo {
  const reader = new ByteReader(bytes, 'qeReportInfo')
  const info = {
    nonce: reader.bytes('nonce', 16),
    appEnclaveTargetInfo: reader.bytes('appEnclaveTargetInfo', targetInfoBytes),
    qeReport: reader.bytes('qeReport', reportBytes),
  }
  reader.end()
  return info
}

/** @throws {FormatError} `ERR_FORMAT_VALUE` for a part of another length */
export function encodeQeReportInfo(info: QeReportInfo): Uint8Array {
  return new ByteWriter('qeReportInfo')
    .bytes('nonce', info.nonce, 16)
    .bytes('appEnclaveTargetInfo', info.appEnclaveTargetInfo, targetInfoBytes)
    .bytes('qeReport', info.qeReport, reportBytes)
    .done()
}
