import { ByteReader, ByteWriter, concatBytes } from '@alcove/bytes'
import {
  encodeQuoteHeader,
  parseQuoteHeader,
  QUOTE_HEADER_BYTES,
  type QuoteHeader,
} from './quote-header.ts'
import {
  encodeReportBody,
  parseReportBody,
  REPORT_BODY_BYTES,
  type ReportBody,
} from './report-body.ts'
import { section } from './section.ts'

/** How the quote names the PCK certificate that its QE report is signed with. */
export interface Certification {
  /** 1–3: PPID and TCB; 4: PCK leaf, PEM; 5: PCK chain, PEM. */
  readonly type: number
  readonly data: Uint8Array
}

/** What a version 3 quote is made of, as bytes where a signature covers them. */
export interface QuoteFields {
  readonly header: QuoteHeader
  readonly body: ReportBody
  /** 64 bytes, r‖s, by the attestation key over the header and the body. */
  readonly signature: Uint8Array
  /** 64 bytes, x‖y. */
  readonly attestationKey: Uint8Array
  /** 384 bytes: the QE's report body. */
  readonly qeReportBytes: Uint8Array
  /** 64 bytes, r‖s, by the PCK over the QE's report body. */
  readonly qeReportSignature: Uint8Array
  readonly qeAuthData: Uint8Array
  readonly certification: Certification
}

export interface Quote extends QuoteFields {
  /** The 432 bytes, header and body, that `signature` is over. */
  readonly signedBytes: Uint8Array
  readonly qeReport: ReportBody
  /** 436 + signature_data_len: where the quote ends in the input. */
  readonly byteLength: number
}

/**
 * Reads an SGX quote of version 3, at least 1020 bytes. Byte fields are views of the input. No signature is checked.
 *
 * | offset | size | field               |
 * | -----: | ---: | ------------------- |
 * |   0x00 |   48 | header              |
 * |   0x30 |  384 | body                |
 * |  0x1b0 |    4 | signatureDataLength |
 * |  0x1b4 |    … | signatureData       |
 *
 * Bytes after `signatureData` are ignored, as Intel's verifier does: some sources pad their quotes. Inside it nothing
 * may be left over.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED` where the input, or a length in it, ends too early;
 *   `ERR_FORMAT_VALUE` for another version, key type or TEE; `ERR_FORMAT_TRAILING` inside `signatureData`
 * @see docs/formats/quote-v3.md
 */
export function parseQuote(bytes: Uint8Array): Quote {
  const reader = new ByteReader(bytes, 'quote')
  const header = parseQuoteHeader(section(reader, 'header', QUOTE_HEADER_BYTES))
  const body = parseReportBody(section(reader, 'body', REPORT_BODY_BYTES))
  const signedBytes = bytes.subarray(0, reader.position)
  const signatureDataLength = reader.u32le('signatureDataLength')
  const signatureData = reader.nested('signatureData', signatureDataLength)
  const parts = parseSignatureData(signatureData)
  return { header, body, signedBytes, ...parts, byteLength: reader.position }
}

/**
 * | offset | size | field              |
 * | -----: | ---: | ------------------ |
 * |   0x00 |   64 | signature          |
 * |   0x40 |   64 | attestationKey     |
 * |   0x80 |  384 | qeReport           |
 * |  0x200 |   64 | qeReportSignature  |
 * |  0x240 |    2 | qeAuthDataLength   |
 * |  0x242 |    n | qeAuthData         |
 * |      … |    2 | certification.type |
 * |      … |    4 | certification.size |
 * |      … |    m | certification.data |
 */
function parseSignatureData(
  reader: ByteReader,
): Omit<Quote, 'header' | 'body' | 'signedBytes' | 'byteLength'> {
  const signature = reader.bytes('signature', 64)
  const attestationKey = reader.bytes('attestationKey', 64)
  const qeReportBytes = reader.bytes('qeReport', REPORT_BODY_BYTES)
  const qeReportSignature = reader.bytes('qeReportSignature', 64)
  const qeAuthData = reader.bytes('qeAuthData', reader.u16le('qeAuthDataLength'))
  const rest = reader.nested('certification', reader.left)
  const type = rest.u16le('type')
  const data = rest.bytes('data', rest.u32le('size'))
  rest.end()
  return {
    signature,
    attestationKey,
    qeReport: parseReportBody(new ByteReader(qeReportBytes, 'qeReport')),
    qeReportBytes,
    qeReportSignature,
    qeAuthData,
    certification: { type, data },
  }
}

/**
 * A whole quote. What `parseQuote` read comes out byte for byte, up to its `byteLength`, if reserved bytes were zero.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 */
export function encodeQuote(fields: QuoteFields): Uint8Array<ArrayBuffer> {
  const { qeAuthData, certification } = fields
  const signatureData = new ByteWriter('quote.signatureData')
    .bytes('signature', fields.signature, 64)
    .bytes('attestationKey', fields.attestationKey, 64)
    .bytes('qeReport', fields.qeReportBytes, REPORT_BODY_BYTES)
    .bytes('qeReportSignature', fields.qeReportSignature, 64)
    .u16le('qeAuthDataLength', qeAuthData.byteLength)
    .rest(qeAuthData)
    .u16le('certification.type', certification.type)
    .u32le('certification.size', certification.data.byteLength)
    .rest(certification.data)
    .done()
  return new ByteWriter('quote')
    .rest(encodeQuoteSignedPart(fields.header, fields.body))
    .u32le('signatureDataLength', signatureData.byteLength)
    .rest(signatureData)
    .done()
}

/** The 432 bytes that the attestation key signs: header and body. */
export function encodeQuoteSignedPart(
  header: QuoteHeader,
  body: ReportBody,
): Uint8Array<ArrayBuffer> {
  return concatBytes(encodeQuoteHeader(header), encodeReportBody(body))
}
