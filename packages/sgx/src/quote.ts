import { ByteReader, ByteWriter, concatBytes, FormatError } from '@alcove/bytes'
import {
  encodeQuoteHeader,
  parseQuoteHeader,
  QUOTE_HEADER_BYTES,
  type QuoteHeader,
  type Tee,
} from './quote-header.ts'
import {
  encodeReportBody,
  parseReportBody,
  REPORT_BODY_BYTES,
  type ReportBody,
} from './report-body.ts'
import { section } from './section.ts'
import {
  encodeTdReportBody,
  parseTdReportBody,
  TD_REPORT_BODY_BYTES,
  type TdReportBody,
} from './td-report-body.ts'

/** How the quote names the PCK certificate that its QE report is signed with. */
export interface Certification {
  /** 1–3: PPID and TCB; 4: PCK leaf, PEM; 5: PCK chain, PEM. */
  readonly type: number
  readonly data: Uint8Array
}

/** What a quote is made of, as bytes where a signature covers them. */
export type QuoteFields = QuoteSubject & QuoteSignatureData

/** Whom the quote is about: what the attestation key signs. */
export type QuoteSubject = { readonly header: QuoteHeader } & (
  | { readonly tee: 'SGX'; readonly body: ReportBody }
  | { readonly tee: 'TDX'; readonly body: TdReportBody }
)

export interface QuoteSignatureData {
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

export type Quote = QuoteFields & {
  /** Everything before signatureDataLength, which `signature` is over. */
  readonly signedBytes: Uint8Array
  readonly qeReport: ReportBody
  /** The whole that the parts of QuoteSignatureData are in. */
  readonly signatureData: Uint8Array
  /** Where the quote ends in the input. */
  readonly byteLength: number
  /** What follows it there: some sources pad their quotes. */
  readonly trailing: Uint8Array
}

/** Of version 5: how the body's type reads, by its number. */
const bodyTypes = ['', 'SGX', '1.0', '1.5', '1.5-extended'] as const
type BodyType = Exclude<(typeof bodyTypes)[number], ''>

/** Certification data of versions 4 and 5, around those that name the PCK. */
const QE_REPORT_CERTIFICATION = 6

/**
 * Reads a quote of version 3, 4 or 5, at least 1020 bytes. Byte fields are views of the input. No signature is checked.
 *
 * | version | offset | size | field               |
 * | ------- | -----: | ---: | ------------------- |
 * | all     |   0x00 |   48 | header              |
 * | 5       |   0x30 |    2 | bodyType            |
 * | 5       |   0x32 |    4 | bodySize            |
 * | all     |      … |    … | body                |
 * | all     |      … |    4 | signatureDataLength |
 * | all     |      … |    … | signatureData       |
 *
 * The body is an enclave's report body, or a TD's (`docs/formats/td-report.md`); version 4 knows the latter in version 1.0 only.
 * Bytes after `signatureData` are kept apart, as `trailing`. Inside it nothing may be left over.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED` where the input, or a length in it, ends too early;
 *   `ERR_FORMAT_VALUE` for another version, key type, TEE, body type or body size; `ERR_FORMAT_TRAILING` inside `signatureData`
 * @see docs/formats/quote.md
 */
export function parseQuote(bytes: Uint8Array): Quote {
  const reader = new ByteReader(bytes, 'quote')
  const { header, tee } = parseQuoteHeader(section(reader, 'header', QUOTE_HEADER_BYTES))
  const type = header.version === 5 ? parseBodyType(reader, tee) : tee === 'SGX' ? 'SGX' : '1.0'
  const body = section(reader, 'body', bodyBytes(type))
  const subject: QuoteSubject =
    type === 'SGX'
      ? { header, tee: 'SGX', body: parseReportBody(body) }
      : { header, tee: 'TDX', body: parseTdReportBody(body, type) }
  const signedBytes = bytes.subarray(0, reader.position)
  const signatureDataLength = reader.u32le('signatureDataLength')
  const start = reader.position
  const parts = parseSignatureData(
    reader.nested('signatureData', signatureDataLength),
    header.version,
  )
  const byteLength = reader.position
  return {
    ...subject,
    ...parts,
    qeReport: parseReportBody(new ByteReader(parts.qeReportBytes, 'qeReport')),
    signedBytes,
    signatureData: bytes.subarray(start, byteLength),
    byteLength,
    trailing: bytes.subarray(byteLength),
  }
}

function parseBodyType(reader: ByteReader, tee: Tee): BodyType {
  const number = reader.u16le('bodyType')
  const type = bodyTypes[number] ?? ''
  if (type === '' || (type === 'SGX') !== (tee === 'SGX')) {
    const detail = `body type ${number} in a quote of ${tee}; want 1 for SGX, 2, 3 or 4 for TDX`
    throw reader.refuse('bodyType', 2, detail)
  }
  const size = reader.u32le('bodySize')
  if (size === bodyBytes(type)) return type
  const detail = `${size} bytes; a body of type ${number} has ${bodyBytes(type)}`
  throw reader.refuse('bodySize', 4, detail)
}

function bodyBytes(type: BodyType): number {
  return type === 'SGX' ? REPORT_BODY_BYTES : TD_REPORT_BODY_BYTES[type]
}

/**
 * | offset | size | field                                                                    |
 * | -----: | ---: | ------------------------------------------------------------------------ |
 * |   0x00 |   64 | signature                                                                |
 * |   0x40 |   64 | attestationKey                                                           |
 * |      – |    2 | versions 4 and 5: outer certification type, 6                            |
 * |      – |    4 | versions 4 and 5: size of what follows, to the end                       |
 * |   0x80 |  384 | qeReport                                                                 |
 * |  0x200 |   64 | qeReportSignature                                                        |
 * |  0x240 |    2 | qeAuthDataLength                                                         |
 * |  0x242 |    n | qeAuthData                                                               |
 * |      … |    2 | certification.type                                                       |
 * |      … |    4 | certification.size                                                       |
 * |      … |    m | certification.data                                                       |
 *
 * Offsets are those of version 3; in the others what follows attestationKey is 6 bytes further on.
 */
function parseSignatureData(reader: ByteReader, version: 3 | 4 | 5): QuoteSignatureData {
  const signature = reader.bytes('signature', 64)
  const attestationKey = reader.bytes('attestationKey', 64)
  const certified = version === 3 ? reader : parseOuterCertification(reader)
  const qeReportBytes = certified.bytes('qeReport', REPORT_BODY_BYTES)
  const qeReportSignature = certified.bytes('qeReportSignature', 64)
  const qeAuthData = certified.bytes('qeAuthData', certified.u16le('qeAuthDataLength'))
  const rest = certified.nested('certification', certified.left)
  const type = rest.u16le('type')
  const data = rest.bytes('data', rest.u32le('size'))
  rest.end()
  const certification = { type, data }
  return {
    ...{ signature, attestationKey, qeReportBytes, qeReportSignature },
    ...{ qeAuthData, certification },
  }
}

function parseOuterCertification(reader: ByteReader): ByteReader {
  const type = reader.u16le('certificationType')
  if (type !== QE_REPORT_CERTIFICATION) {
    const detail = `certification data of type ${type} around the QE's report; want ${QE_REPORT_CERTIFICATION}`
    throw reader.refuse('certificationType', 2, detail)
  }
  const inner = reader.nested('certified', reader.u32le('certificationSize'))
  reader.end()
  return inner
}

/**
 * A whole quote: what `parseQuote` read comes out byte for byte, up to its `byteLength`.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 */
export function encodeQuote(fields: QuoteFields): Uint8Array<ArrayBuffer> {
  const { qeAuthData, certification } = fields
  const certified = new ByteWriter('quote.signatureData')
    .bytes('qeReport', fields.qeReportBytes, REPORT_BODY_BYTES)
    .bytes('qeReportSignature', fields.qeReportSignature, 64)
    .u16le('qeAuthDataLength', qeAuthData.byteLength)
    .rest(qeAuthData)
    .u16le('certification.type', certification.type)
    .u32le('certification.size', certification.data.byteLength)
    .rest(certification.data)
    .done()
  const signatureData = new ByteWriter('quote.signatureData')
    .bytes('signature', fields.signature, 64)
    .bytes('attestationKey', fields.attestationKey, 64)
  if (fields.header.version !== 3) {
    signatureData
      .u16le('certificationType', QE_REPORT_CERTIFICATION)
      .u32le('certificationSize', certified.byteLength)
  }
  signatureData.rest(certified)
  return new ByteWriter('quote')
    .rest(encodeQuoteSignedPart(fields))
    .u32le('signatureDataLength', signatureData.length)
    .rest(signatureData.done())
    .done()
}

/**
 * The bytes that the attestation key signs: header and body, in version 5 with the body's type and size between them.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a body that the version does not have
 */
export function encodeQuoteSignedPart(subject: QuoteSubject): Uint8Array<ArrayBuffer> {
  const { header, tee } = subject
  const head = encodeQuoteHeader(header, tee)
  const type = subject.tee === 'SGX' ? 'SGX' : subject.body.version
  const body =
    subject.tee === 'SGX' ? encodeReportBody(subject.body) : encodeTdReportBody(subject.body)
  if (header.version === 5) {
    const bodyType = new ByteWriter('quote')
      .u16le('bodyType', bodyTypes.indexOf(type))
      .u32le('bodySize', body.byteLength)
    return concatBytes(head, bodyType.done(), body)
  }
  if (type === 'SGX' || (type === '1.0' && header.version === 4)) return concatBytes(head, body)
  const detail = `a version ${header.version} quote has no body of ${tee} ${type}`
  throw new FormatError('ERR_FORMAT_VALUE', 'quote.body', head.byteLength, detail)
}
