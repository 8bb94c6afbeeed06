import { type ByteReader, ByteWriter } from '@alcove/bytes'

/** Who made the quote, and with what. */
export interface QuoteHeader {
  readonly version: 3
  /** 2: ECDSA over P-256 with SHA-256. */
  readonly attestationKeyType: 2
  readonly qeSvn: number
  readonly pceSvn: number
  /** 16 bytes; Intel's QE has INTEL_QE_VENDOR_ID. Not checked by the parser: a verifier does. */
  readonly qeVendorId: Uint8Array
  /** 20 bytes; the first 16 are the QE's id of the platform. */
  readonly userData: Uint8Array
}

export const QUOTE_HEADER_BYTES = 48

/** The vendor id of Intel's quoting enclave: 939a7233f79c4ca9940a0db3957f0607. */
export const INTEL_QE_VENDOR_ID: Uint8Array = Uint8Array.fromHex('939a7233f79c4ca9940a0db3957f0607')

/**
 * Reads the header of a version 3 quote, 48 bytes.
 *
 * | offset | size | field              |
 * | -----: | ---: | ------------------ |
 * |   0x00 |    2 | version            |
 * |   0x02 |    2 | attestationKeyType |
 * |   0x04 |    4 | teeType            |
 * |   0x08 |    2 | qeSvn              |
 * |   0x0a |    2 | pceSvn             |
 * |   0x0c |   16 | qeVendorId         |
 * |   0x1c |   20 | userData           |
 *
 * The header names teeType reserved; Intel's verifier reads it as the kind of TEE and requires 0, which is SGX.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`; `ERR_FORMAT_VALUE` for another version, key type or TEE
 * @see docs/formats/quote-v3.md
 */
export function parseQuoteHeader(reader: ByteReader): QuoteHeader {
  const version = reader.u16le('version')
  if (version !== 3) throw reader.refuse('version', 2, otherVersion(version))
  const attestationKeyType = reader.u16le('attestationKeyType')
  if (attestationKeyType !== 2) {
    const detail = `key type ${attestationKeyType} is not supported; want 2, ECDSA over P-256`
    throw reader.refuse('attestationKeyType', 2, detail)
  }
  const teeType = reader.u32le('teeType')
  if (teeType !== 0) {
    const detail = `TEE 0x${teeType.toString(16)} in a version 3 quote; want 0, SGX`
    throw reader.refuse('teeType', 4, detail)
  }
  return {
    version,
    attestationKeyType,
    qeSvn: reader.u16le('qeSvn'),
    pceSvn: reader.u16le('pceSvn'),
    qeVendorId: reader.bytes('qeVendorId', 16),
    userData: reader.bytes('userData', 20),
  }
}

export function encodeQuoteHeader(header: QuoteHeader): Uint8Array<ArrayBuffer> {
  return new ByteWriter('quote.header')
    .u16le('version', header.version)
    .u16le('attestationKeyType', header.attestationKeyType)
    .zeros(4)
    .u16le('qeSvn', header.qeSvn)
    .u16le('pceSvn', header.pceSvn)
    .bytes('qeVendorId', header.qeVendorId, 16)
    .bytes('userData', header.userData, 20)
    .done()
}

function otherVersion(version: number): string {
  const want = 'want 3, an SGX quote signed with ECDSA'
  if (version === 4 || version === 5) {
    return `version ${version} quotes (TDX, or SGX in the newer format) are not supported; ${want}`
  }
  return `version ${version} is not supported; ${want}. Is this a whole, binary DCAP quote (not hex, base64 or EPID)?`
}
