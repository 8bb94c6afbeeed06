import { ByteReader, FormatError } from '@alcove/bytes'

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

const maxDepth = 16
const longestLengthField = 3

/**
 * A cursor over DER. It reads what X.690 section 10 and 11 allow and nothing else: definite, minimal lengths, one-byte tags,
 * minimal integers, 0x00 or 0xff for a BOOLEAN; nesting is bounded. Every read names its field, and an error counts its
 * offset from the outermost input.
 *
 * Every read throws {FormatError}: `ERR_FORMAT_TRUNCATED` past the end, `ERR_FORMAT_TRAILING` from `end`, else `ERR_FORMAT_VALUE`.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #reader: ByteReader
  readonly #name: string
  readonly #base: number
  readonly #depth: number

  constructor(bytes: Uint8Array, name: string, base = 0, depth = 0) {
    this.#bytes = bytes
    this.#reader = new ByteReader(bytes, name, base)
    this.#name = name
    this.#base = base
    this.#depth = depth
    if (depth > maxDepth) {
      throw new FormatError('ERR_FORMAT_VALUE', name, base, `nested more than ${maxDepth} deep`)
    }
  }

  /** The tag of the next element, or `undefined` at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#reader.position]
  }

  get done(): boolean {
    return this.#reader.left === 0
  }

  sequence(field: string): DerReader {
    return this.#constructed(field, tags.sequence)
  }

  set(field: string): DerReader {
    return this.#constructed(field, tags.set)
  }

  /** Inside of `[n] EXPLICIT`, or `undefined` when the next element is another. */
  optionalExplicit(field: string, n: number): DerReader | undefined {
    const tag = 0xa0 + n
    return this.nextTag === tag ? this.#constructed(field, tag) : undefined
  }

  /** Content of `[n] IMPLICIT OCTET STRING`, or `undefined` when the next element is another. */
  optionalImplicitBytes(field: string, n: number): Uint8Array | undefined {
    const tag = 0x80 + n
    return this.nextTag === tag ? this.#content(field, tag).bytes : undefined
  }

  /** A non-negative INTEGER as its big-endian bytes without the sign byte. */
  unsignedBytes(field: string): Uint8Array {
    return this.#unsigned(field, tags.integer)
  }

  /** A non-negative INTEGER of at most `max`. */
  unsigned(field: string, max: number): number {
    return this.#bounded(field, tags.integer, max)
  }

  enumerated(field: string, max: number): number {
    return this.#bounded(field, tags.enumerated, max)
  }

  boolean(field: string): boolean {
    const { bytes, at } = this.#content(field, tags.boolean)
    if (bytes.byteLength === 1 && (bytes[0] === 0 || bytes[0] === 0xff)) return bytes[0] === 0xff
    throw this.#refuse(field, at, `a BOOLEAN is 00 or ff, found ${bytes.toHex()}`)
  }

  octetString(field: string): Uint8Array {
    return this.#content(field, tags.octetString).bytes
  }

  /** An OCTET STRING that has only one legal length. */
  octets(field: string, length: number): Uint8Array {
    const { bytes, at } = this.#content(field, tags.octetString)
    if (bytes.byteLength === length) return bytes
    throw this.#refuse(field, at, `want ${length} bytes, found ${bytes.byteLength}`)
  }

  /** The DER inside an OCTET STRING. */
  octetStringOfDer(field: string): DerReader {
    return this.#inner(field, this.#content(field, tags.octetString))
  }

  /** A BIT STRING of whole bytes. */
  bitString(field: string): Uint8Array {
    const { bytes, at } = this.#content(field, tags.bitString)
    if (bytes[0] === 0) return bytes.subarray(1)
    throw this.#refuse(field, at, 'a BIT STRING of whole bytes starts with 00')
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(field: string): string {
    const { bytes, at } = this.#content(field, tags.oid)
    const arcs: number[] = []
    let arc = 0
    let starting = true
    for (const byte of bytes) {
      if (starting && byte === 0x80) throw this.#refuse(field, at, 'an arc is padded')
      arc = arc * 128 + (byte & 0x7f)
      if (arc > Number.MAX_SAFE_INTEGER) throw this.#refuse(field, at, 'an arc is too large')
      starting = byte < 0x80
      if (starting) {
        arcs.push(arc)
        arc = 0
      }
    }
    const [first, ...others] = arcs
    if (!starting || first === undefined) throw this.#refuse(field, at, 'cut short')
    const root = Math.min(2, Math.floor(first / 40))
    return [root, first - 40 * root, ...others].join('.')
  }

  /** UTCTime or GeneralizedTime in the only forms of RFC 5280 section 4.1.2.5: to the second, in UTC. */
  time(field: string): Date {
    const tag = this.nextTag === tags.generalizedTime ? tags.generalizedTime : tags.utcTime
    const { bytes, at } = this.#content(field, tag)
    const text = String.fromCharCode(...bytes.subarray(0, 32))
    const date = parseTime(text, tag === tags.utcTime)
    if (date !== undefined && bytes.byteLength <= 15) return date
    throw this.#refuse(field, at, `not a time of RFC 5280: ${JSON.stringify(text)}`)
  }

  /** The content of an element of whatever tag. */
  anyContent(field: string): { readonly tag: number; readonly bytes: Uint8Array } {
    const tag = this.nextTag ?? this.#reader.u8(field)
    return { tag, bytes: this.#content(field, tag).bytes }
  }

  /** The next element whole, header included, and a reader for the inside when it is a SEQUENCE. */
  wholeSequence(field: string): { readonly whole: Uint8Array; readonly inside: DerReader } {
    const start = this.#reader.position
    const inside = this.#constructed(field, tags.sequence)
    return { whole: this.#bytes.subarray(start, this.#reader.position), inside }
  }

  /** Refuses elements that no read has claimed. */
  end(): void {
    this.#reader.end()
  }

  /** The error to throw for a field whose value is well-formed DER but is not what the format allows. */
  refuse(field: string, detail: string): FormatError {
    return this.#refuse(field, this.#reader.position, detail)
  }

  #constructed(field: string, tag: number): DerReader {
    return this.#inner(field, this.#content(field, tag))
  }

  #inner(field: string, { bytes, at }: Content): DerReader {
    return new DerReader(bytes, `${this.#name}.${field}`, this.#base + at, this.#depth + 1)
  }

  #unsigned(field: string, tag: number): Uint8Array {
    const { bytes, at } = this.#content(field, tag)
    const [first, second] = bytes
    if (first === undefined) throw this.#refuse(field, at, 'an INTEGER has no bytes')
    if (first >= 0x80) throw this.#refuse(field, at, 'negative')
    if (first !== 0 || second === undefined) return bytes
    if (second < 0x80) throw this.#refuse(field, at, 'an INTEGER is padded')
    return bytes.subarray(1)
  }

  #bounded(field: string, tag: number, max: number): number {
    const at = this.#reader.position
    const bytes = this.#unsigned(field, tag)
    const value = bytes.byteLength > 6 ? Number.POSITIVE_INFINITY : Number(`0x${bytes.toHex()}`)
    if (value <= max) return value
    throw this.#refuse(field, at, `more than ${max}`)
  }

  #content(field: string, tag: number): Content {
    const at = this.#reader.position
    const actual = this.#reader.u8(field)
    if (actual !== tag) {
      const hex = (value: number) => value.toString(16).padStart(2, '0')
      throw this.#refuse(field, at, `expected tag ${hex(tag)}, found ${hex(actual)}`)
    }
    if ((tag & 0x1f) === 0x1f) throw this.#refuse(field, at, 'a tag of more than one byte')
    const length = this.#length(field, at)
    const start = this.#reader.position
    return { bytes: this.#reader.bytes(field, length), at: start }
  }

  #length(field: string, at: number): number {
    const first = this.#reader.u8(field)
    if (first < 0x80) return first
    const count = first - 0x80
    if (count === 0 || count > longestLengthField) {
      throw this.#refuse(field, at, count === 0 ? 'indefinite length' : 'length is too large')
    }
    const length = Number(`0x${this.#reader.bytes(field, count).toHex()}`)
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw this.#refuse(field, at, 'the length is not minimal')
    }
    return length
  }

  #refuse(field: string, at: number, detail: string): FormatError {
    return new FormatError('ERR_FORMAT_VALUE', `${this.#name}.${field}`, this.#base + at, detail)
  }
}

interface Content {
  readonly bytes: Uint8Array
  /** Where the content starts, counted from the start of the reader that holds it. */
  readonly at: number
}

function parseTime(text: string, twoDigitYear: boolean): Date | undefined {
  const digits = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
  if (digits === null || (digits[1]?.length === 2) !== twoDigitYear) return undefined
  const [written = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = digits
    .slice(1)
    .map(Number)
  const century = written < 50 ? 2000 : 1900
  const year = twoDigitYear ? century + written : written
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists && hour < 24 && minute < 60 && second < 60 ? date : undefined
}
