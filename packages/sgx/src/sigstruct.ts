import { createHash } from 'node:crypto'
import { ByteReader, ByteWriter, concatBytes, FormatError } from '@alcove/bytes'
import { type Attributes, parseAttributes, writeAttributes } from './attributes.ts'
import { reservedIn } from './reserved.ts'

/** Who signed an enclave, and as what: the identity that EINIT gives it. */
export interface Sigstruct extends SigstructFields {
  /** Bit 31 of the type: signed for debugging only. */
  readonly debug: boolean
  /** SHA-256 of the modulus, 32 bytes: computed, not a field. */
  readonly mrSigner: Uint8Array
  /** The 256 bytes that `signature` is over. */
  readonly signedBytes: Uint8Array
}

/** What a SIGSTRUCT is made of. */
export interface SigstructFields {
  /** Bit 31: signed for debugging only. The others are zero. */
  readonly type: number
  /** 0x8086 for Intel's own enclaves. */
  readonly vendor: number
  /** `yyyy-mm-dd`, as the signer stated it. */
  readonly date: string
  readonly swDefined: number
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
  /** 384 bytes, little-endian, as are q1 and q2, which spare the processor two divisions. Not checked by the parser. */
  readonly signature: Uint8Array
  readonly q1: Uint8Array
  readonly q2: Uint8Array
  /** The 116 reserved bytes in their order; left out where all are zero. */
  readonly reserved?: Uint8Array
}

type Head = Pick<SigstructFields, 'type' | 'vendor' | 'date' | 'swDefined'>
type Body = Omit<SigstructFields, keyof Head | 'key' | 'signature' | 'q1' | 'q2' | 'reserved'>

const RESERVED_BYTES = 116

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
  const { head, reserved1 } = parseHead(reader)
  const signedHead = bytes.subarray(0, reader.position)
  const modulus = reader.bytes('modulus', 384)
  const exponent = reader.u32le('exponent')
  if (exponent !== 3) throw reader.refuse('exponent', 4, `expected 3, found ${exponent}`)
  const signature = reader.bytes('signature', 384)
  const bodyStart = reader.position
  const { body, reserved2, reserved3 } = parseBody(reader)
  const signedBody = bytes.subarray(bodyStart, reader.position)
  const reserved4 = reader.bytes('reserved4', 12)
  const q1 = reader.bytes('q1', 384)
  const q2 = reader.bytes('q2', 384)
  reader.end()
  return {
    ...head,
    debug: head.type >= 0x8000_0000,
    mrSigner: mrSignerOf(modulus),
    ...body,
    key: { modulus, exponent },
    signedBytes: concatBytes(signedHead, signedBody),
    signature,
    q1,
    q2,
    ...reservedIn(reserved1, reserved2, reserved3, reserved4),
  }
}

/** MRSIGNER of an RSA-3072 key: SHA-256 of its modulus, 384 bytes, little-endian. */
export function mrSignerOf(modulus: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(modulus).digest())
}

function parseHead(reader: ByteReader): { head: Head; reserved1: Uint8Array } {
  reader.expectBytes('header1', HEADER1)
  const type = reader.u32le('type')
  const vendor = reader.u32le('vendor')
  const date = parseDate(reader)
  reader.expectBytes('header2', HEADER2)
  const swDefined = reader.u32le('swDefined')
  return { head: { type, vendor, date, swDefined }, reserved1: reader.bytes('reserved1', 84) }
}

/** Binary-coded decimal: 0x20161214 is 2016-12-14. */
function parseDate(reader: ByteReader): string {
  const digits = reader.u32le('date').toString(16).padStart(8, '0')
  if (/[a-f]/.test(digits)) {
    throw reader.refuse('date', 4, `0x${digits} is not binary-coded decimal, yyyymmdd`)
  }
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
}

function parseBody(reader: ByteReader): {
  body: Body
  reserved2: Uint8Array
  reserved3: Uint8Array
} {
  const miscSelect = reader.u32le('miscSelect')
  const miscMask = reader.u32le('miscMask')
  const reserved2 = reader.bytes('reserved2', 4)
  const isvFamilyId = reader.bytes('isvFamilyId', 16)
  const attributes = parseAttributes(reader, 'attributes')
  const attributeMask = parseAttributes(reader, 'attributeMask')
  const mrEnclave = reader.bytes('mrEnclave', 32)
  const reserved3 = reader.bytes('reserved3', 16)
  const body = {
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
  return { body, reserved2, reserved3 }
}

/**
 * The 1808 bytes of a SIGSTRUCT.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field, or a date that is not `yyyy-mm-dd`
 * @see docs/formats/sigstruct.md
 */
export function encodeSigstruct(fields: SigstructFields): Uint8Array<ArrayBuffer> {
  const { reserved = new Uint8Array(RESERVED_BYTES) } = fields
  const writer = new ByteWriter('sigstruct')
    .bytes('header1', HEADER1, 12)
    .u32le('type', fields.type)
    .u32le('vendor', fields.vendor)
  writeDate(writer, fields.date)
    .bytes('header2', HEADER2, 16)
    .u32le('swDefined', fields.swDefined)
    .bytes('reserved1', reserved.subarray(0, 84), 84)
    .bytes('modulus', fields.key.modulus, 384)
    .u32le('exponent', fields.key.exponent)
    .bytes('signature', fields.signature, 384)
    .u32le('miscSelect', fields.miscSelect)
    .u32le('miscMask', fields.miscMask)
    .bytes('reserved2', reserved.subarray(84, 88), 4)
    .bytes('isvFamilyId', fields.isvFamilyId, 16)
  writeAttributes(writer, 'attributes', fields.attributes)
  return writeAttributes(writer, 'attributeMask', fields.attributeMask)
    .bytes('mrEnclave', fields.mrEnclave, 32)
    .bytes('reserved3', reserved.subarray(88, 104), 16)
    .bytes('isvExtProdId', fields.isvExtProdId, 16)
    .u16le('isvProdId', fields.isvProdId)
    .u16le('isvSvn', fields.isvSvn)
    .bytes('reserved4', reserved.subarray(104), 12)
    .bytes('q1', fields.q1, 384)
    .bytes('q2', fields.q2, 384)
    .done()
}

function writeDate(writer: ByteWriter, date: string): ByteWriter {
  if (/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    return writer.u32le('date', Number.parseInt(date.replaceAll('-', ''), 16))
  }
  throw new FormatError('ERR_FORMAT_VALUE', 'sigstruct.date', writer.length, 'want yyyy-mm-dd')
}
