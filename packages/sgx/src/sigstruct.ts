import { createHash } from 'node:crypto'
import { ByteReader, concatBytes } from '@alcove/bytes'
import { type Attributes, parseAttributes } from './attributes.ts'

/** Who signed an enclave, and as what: the identity that EINIT gives it. */
export interface Sigstruct {
  /** Bit 31 of the type: signed for debugging only. */
  readonly debug: boolean
  /** 0x8086 for Intel's own enclaves. */
  readonly vendor: number
  /** `yyyy-mm-dd`, as the signer stated it. */
  readonly date: string
  readonly swDefined: number
  /** SHA-256 of the modulus, 32 bytes: computed, not a field. */
  readonly mrSigner: Uint8Array
  /** ENCLAVEHASH, 32 bytes. */
  readonly mrEnclave: Uint8Array
  readonly miscSelect: number
  readonly miscMask: number
  /** 16 bytes; KSS. */
  readonly isvFamilyId: Uint8Array
  readonly attributes: Attributes
  readonly attributeMask: Attributes
  /** 16 bytes; KSS. */
  readonly isvExtProdId: Uint8Array
  readonly isvProdId: number
  readonly isvSvn: number
  /** RSA-3072, little-endian; the exponent is 3. */
  readonly key: { readonly modulus: Uint8Array; readonly exponent: 3 }
  /** The 256 bytes that `signature` is over. */
  readonly signedBytes: Uint8Array
  /** 384 bytes, little-endian, as are q1 and q2, which spare the processor two divisions. Not checked by the parser. */
  readonly signature: Uint8Array
  readonly q1: Uint8Array
  readonly q2: Uint8Array
}

type Head = Pick<Sigstruct, 'debug' | 'vendor' | 'date' | 'swDefined'>
type Body = Omit<
  Sigstruct,
  keyof Head | 'mrSigner' | 'key' | 'signedBytes' | 'signature' | 'q1' | 'q2'
>

const HEADER1 = Uint8Array.fromHex('06000000e100000000000100')
const HEADER2 = Uint8Array.fromHex('01010000600000006000000001000000')

/**
 * Reads a SIGSTRUCT, exactly 1808 bytes. Byte fields are views of the input, but for `mrSigner` and `signedBytes`. The
 * signature is not checked: see `verifySigstruct`.
 *
 * | offset | size | field         | offset | size | field         |
 * | -----: | ---: | ------------- | -----: | ---: | ------------- |
 * |  0x000 |   12 | header1       |  0x390 |   16 | isvFamilyId   |
 * |  0x00c |    4 | type          |  0x3a0 |   16 | attributes    |
 * |  0x010 |    4 | vendor        |  0x3b0 |   16 | attributeMask |
 * |  0x014 |    4 | date          |  0x3c0 |   32 | mrEnclave     |
 * |  0x018 |   16 | header2       |  0x3e0 |   16 | reserved3     |
 * |  0x028 |    4 | swDefined     |  0x3f0 |   16 | isvExtProdId  |
 * |  0x02c |   84 | reserved1     |  0x400 |    2 | isvProdId     |
 * |  0x080 |  384 | modulus       |  0x402 |    2 | isvSvn        |
 * |  0x200 |    4 | exponent      |  0x404 |   12 | reserved4     |
 * |  0x204 |  384 | signature     |  0x410 |  384 | q1            |
 * |  0x384 |    4 | miscSelect    |  0x590 |  384 | q2            |
 * |  0x388 |    4 | miscMask      |        |      |               |
 * |  0x38c |    4 | reserved2     |        |      |               |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`; `ERR_FORMAT_VALUE` for a header, a date or an
 *   exponent that is not a SIGSTRUCT's
 * @see docs/formats/sigstruct.md
 */
export function parseSigstruct(bytes: Uint8Array): Sigstruct {
  const reader = new ByteReader(bytes, 'sigstruct')
  const head = parseHead(reader)
  const signedHead = bytes.subarray(0, reader.position)
  const modulus = reader.bytes('modulus', 384)
  const exponent = reader.u32le('exponent')
  if (exponent !== 3) throw reader.refuse('exponent', 4, `expected 3, found ${exponent}`)
  const signature = reader.bytes('signature', 384)
  const bodyStart = reader.position
  const body = parseBody(reader)
  const signedBody = bytes.subarray(bodyStart, reader.position)
  reader.bytes('reserved4', 12)
  const q1 = reader.bytes('q1', 384)
  const q2 = reader.bytes('q2', 384)
  reader.end()
  return {
    ...head,
    mrSigner: mrSignerOf(modulus),
    ...body,
    key: { modulus, exponent },
    signedBytes: concatBytes(signedHead, signedBody),
    signature,
    q1,
    q2,
  }
}

/** MRSIGNER of an RSA-3072 key: SHA-256 of its modulus, 384 bytes, little-endian. */
export function mrSignerOf(modulus: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(modulus).digest())
}

function parseHead(reader: ByteReader): Head {
  reader.expectBytes('header1', HEADER1)
  const debug = reader.u32le('type') >= 0x8000_0000
  const vendor = reader.u32le('vendor')
  const date = parseDate(reader)
  reader.expectBytes('header2', HEADER2)
  const swDefined = reader.u32le('swDefined')
  reader.bytes('reserved1', 84)
  return { debug, vendor, date, swDefined }
}

/** Binary-coded decimal: 0x20161214 is 2016-12-14. */
function parseDate(reader: ByteReader): string {
  const digits = reader.u32le('date').toString(16).padStart(8, '0')
  if (/[a-f]/.test(digits)) {
    throw reader.refuse('date', 4, `0x${digits} is not binary-coded decimal, yyyymmdd`)
  }
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
}

function parseBody(reader: ByteReader): Body {
  const miscSelect = reader.u32le('miscSelect')
  const miscMask = reader.u32le('miscMask')
  reader.bytes('reserved2', 4)
  const isvFamilyId = reader.bytes('isvFamilyId', 16)
  const attributes = parseAttributes(reader, 'attributes')
  const attributeMask = parseAttributes(reader, 'attributeMask')
  const mrEnclave = reader.bytes('mrEnclave', 32)
  reader.bytes('reserved3', 16)
  return {
    miscSelect,
    miscMask,
    isvFamilyId,
    attributes,
    attributeMask,
    mrEnclave,
    isvExtProdId: reader.bytes('isvExtProdId', 16),
    isvProdId: reader.u16le('isvProdId'),
    isvSvn: reader.u16le('isvSvn'),
  }
}
