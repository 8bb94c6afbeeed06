import { type ByteReader, ByteWriter } from '@alcove/bytes'

/** The kind of trusted execution environment that a quote is of: an SGX enclave, or a TD, a TDX virtual machine. */
export type Tee = 'SGX' | 'TDX'

/** Who made the quote, and with what. */
export type QuoteHeader = QuoteHeaderV3 | QuoteHeaderV4

/** Of SGX quotes as they were from the first. */
export interface QuoteHeaderV3 extends QuoteHeaderBase {
  readonly version: 3
  readonly qeSvn: number
  readonly pceSvn: number
}

/** Of version 4, which came with TDX, and of version 5, which names the kind and size of its body. */
export interface QuoteHeaderV4 extends QuoteHeaderBase {
  readonly version: 4 | 5
  /** 4 bytes, where version 3 has the SVNs. */
  readonly reserved: Uint8Array
}

interface QuoteHeaderBase {
  /** 2: ECDSA over P-256 with SHA-256. */
  readonly attestationKeyType: 2
  /** 16 bytes; Intel's QE has INTEL_QE_VENDOR_ID. Not checked by the parser: a verifier does. */
  readonly qeVendorId: Uint8Array
  /** 20 bytes; the first 16 are the QE's id of the platform. */
  readonly userData: Uint8Array
}

export const QUOTE_HEADER_BYTES = 48

/** The vendor id of Intel's quoting enclaves: 939a7233f79c4ca9940a0db3957f0607. */
export const INTEL_QE_VENDOR_ID: Uint8Array = Uint8Array.fromHex('939a7233f79c4ca9940a0db3957f0607')

const TDX = 0x81

/**
 * Reads the header of a quote, 48 bytes.
 *
 * | offset | size | field              |                         |
 * | -----: | ---: | ------------------ | ----------------------- |
 * |   0x00 |    2 | version            | 3, 4, 5                 |
 * |   0x02 |    2 | attestationKeyType | 2                       |
 * |   0x04 |    4 | teeType            | 0 SGX; 0x81 TDX, from 4 |
 * |   0x08 |    2 | qeSvn              | version 3               |
 * |   0x0a |    2 | pceSvn             | version 3               |
 * |   0x08 |    4 | reserved           | versions 4 and 5        |
 * |   0x0c |   16 | qeVendorId         |                         |
 * |   0x1c |   20 | userData           |                         |
 *
 * Version 3 names teeType reserved; Intel's verifier reads it as the kind of TEE and requires 0, which is SGX.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`; `ERR_FORMAT_VALUE` for another version, key type or TEE
 * @see docs/formats/quote.md
 */
export function parseQuoteHeader(reader: ByteReader): { header: QuoteHeader; tee: Tee } {
  const version = reader.u16le('version')
  if (version !== 3 && version !== 4 && version !== 5) {
    throw reader.refuse('version', 2, otherVersion(version))
  }
  const attestationKeyType = reader.u16le('attestationKeyType')
  if (attestationKeyType !== 2) {
    const detail = `key type ${attestationKeyType} is not supported; want 2, ECDSA over P-256`
    throw reader.refuse('attestationKeyType', 2, detail)
  }
  const tee = parseTee(reader, version)
  if (version === 3) {
    const qeSvn = reader.u16le('qeSvn')
    const pceSvn = reader.u16le('pceSvn')
    return { header: { version, attestationKeyType, qeSvn, pceSvn, ...parseMaker(reader) }, tee }
  }
  const reserved = reader.bytes('reserved', 4)
  return { header: { version, attestationKeyType, reserved, ...parseMaker(reader) }, tee }
}

function parseTee(reader: ByteReader, version: 3 | 4 | 5): Tee {
  const teeType = reader.u32le('teeType')
  if (teeType === 0) return 'SGX'
  if (teeType === TDX && version !== 3) return 'TDX'
  const want = version === 3 ? 'want 0, SGX' : 'want 0, SGX, or 0x81, TDX'
  const detail = `TEE 0x${teeType.toString(16)} in a version ${version} quote; ${want}`
  throw reader.refuse('teeType', 4, detail)
}

function parseMaker(reader: ByteReader): Pick<QuoteHeaderBase, 'qeVendorId' | 'userData'> {
  return { qeVendorId: reader.bytes('qeVendorId', 16), userData: reader.bytes('userData', 20) }
}

export function encodeQuoteHeader(header: QuoteHeader, tee: Tee): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter('quote.header')
    .u16le('version', header.version)
    .u16le('attestationKeyType', header.attestationKeyType)
    .u32le('teeType', tee === 'TDX' ? TDX : 0)
  if (header.version === 3) writer.u16le('qeSvn', header.qeSvn).u16le('pceSvn', header.pceSvn)
  else writer.bytes('reserved', header.reserved, 4)
  return writer
    .bytes('qeVendorId', header.qeVendorId, 16)
    .bytes('userData', header.userData, 20)
    .done()
}

function otherVersion(version: number): string {
  const want = 'want 3, 4 or 5, a quote of SGX or TDX signed with ECDSA'
  return `version ${version} is not supported; ${want}. Quotes of EPID have other versions; text and JSON begin with what reads as one`
}
