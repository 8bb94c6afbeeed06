// Over 300 lines: one cursor, and every kind of element that it reads.
import { FormatError, type FormatErrorCode } from '@alcove/bytes'

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
  readonly #name: string
  readonly #base: number
  readonly #depth: number
  /** What this reader is inside of. Names are put together only for an error. */
  readonly #outer: DerReader | undefined
  readonly #end: number
  /** In `bytes`, whichever part of them this reader has. */
  #position: number

  /**
   * @param base offset of `bytes[0]` in the outermost input, for errors
   * @param outer the reader of the element whose content this one reads, from `start` to before `end` of `bytes`
   */
  constructor(
    bytes: Uint8Array,
    name: string,
    base = 0,
    outer?: DerReader,
    start = 0,
    end: number = bytes.byteLength,
  ) {
    this.#bytes = bytes
    this.#name = name
    this.#base = base
    this.#outer = outer
    this.#position = start
    this.#end = end
    this.#depth = outer === undefined ? 0 : outer.#depth + 1
    if (this.#depth > maxDepth)
      throw this.#refuse('(depth)', start, `nested more than ${maxDepth} deep`)
  }

  /** The tag of the next element, or `undefined` at the end. */
  get nextTag(): number | undefined {
    return this.done ? undefined : this.#bytes[this.#position]
  }

  get done(): boolean {
    return this.#position === this.#end
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
    return this.nextTag === tag ? this.#content(field, tag) : undefined
  }

  /** A non-negative INTEGER as its big-endian bytes without the sign byte. */
  unsignedBytes(field: string): Uint8Array {
    const start = this.#unsigned(field, tags.integer)
    return this.#bytes.subarray(start, this.#position)
  }

  /** A non-negative INTEGER of at most `max`. */
  unsigned(field: string, max: number): number {
    return this.#bounded(field, tags.integer, max)
  }

  enumerated(field: string, max: number): number {
    return this.#bounded(field, tags.enumerated, max)
  }

  boolean(field: string): boolean {
    const start = this.#enter(field, tags.boolean)
    const value = this.#bytes[start]
    if (this.#position === start + 1 && (value === 0 || value === 0xff)) return value === 0xff
    const found = this.#bytes.subarray(start, this.#position).toHex()
    throw this.#refuse(field, start, `a BOOLEAN is 00 or ff, found ${found}`)
  }

  octetString(field: string): Uint8Array {
    return this.#content(field, tags.octetString)
  }

  /** An OCTET STRING that has only one legal length. */
  octets(field: string, length: number): Uint8Array {
    const start = this.#enter(field, tags.octetString)
    const found = this.#position - start
    if (found === length) return this.#bytes.subarray(start, this.#position)
    throw this.#refuse(field, start, `want ${length} bytes, found ${found}`)
  }

  /** A BIT STRING of whole bytes. */
  bitString(field: string): Uint8Array {
    const start = this.#enter(field, tags.bitString)
    if (this.#position > start && this.#bytes[start] === 0) {
      return this.#bytes.subarray(start + 1, this.#position)
    }
    throw this.#refuse(field, start, 'a BIT STRING of whole bytes starts with 00')
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(field: string): string {
    const start = this.#enter(field, tags.oid)
    let dotted = ''
    let arc = 0
    let starting = true
    for (let at = start; at < this.#position; at++) {
      const byte = this.#byte(at)
      if (starting && byte === 0x80) throw this.#refuse(field, start, 'an arc is padded')
      arc = arc * 128 + (byte & 0x7f)
      if (arc > Number.MAX_SAFE_INTEGER) throw this.#refuse(field, start, 'an arc is too large')
      starting = byte < 0x80
      if (starting) {
        dotted = dotted === '' ? firstArcs(arc) : `${dotted}.${arc}`
        arc = 0
      }
    }
    if (!starting || dotted === '') throw this.#refuse(field, start, 'cut short')
    return dotted
  }

  /** An OBJECT IDENTIFIER of one arc below 128 more than `parent`, which is DER content: that arc. */
  oidBelow(field: string, parent: Uint8Array): number {
    const start = this.#enter(field, tags.oid)
    const end = this.#position - 1
    const arc = this.#byte(end)
    if (end - start === parent.byteLength && this.#hasAt(start, parent) && arc < 0x80) return arc
    const found = this.#bytes.subarray(start, this.#position).toHex()
    throw this.#refuse(field, start, `${found} is not right below ${parent.toHex()}`)
  }

  /** Whether the next bytes are these, elements with their headers: then they are read. */
  skips(expected: Uint8Array): boolean {
    const end = this.#position + expected.byteLength
    if (end > this.#end || !this.#hasAt(this.#position, expected)) return false
    this.#position = end
    return true
  }

  #hasAt(start: number, expected: Uint8Array): boolean {
    for (let index = 0; index < expected.byteLength; index++) {
      if (this.#bytes[start + index] !== expected[index]) return false
    }
    return true
  }

  /** UTCTime or GeneralizedTime in the only forms of RFC 5280 section 4.1.2.5: to the second, in UTC. */
  time(field: string): Date {
    const isGeneralized = this.nextTag === tags.generalizedTime
    const start = this.#enter(field, isGeneralized ? tags.generalizedTime : tags.utcTime)
    const date = parseTime(this.#bytes, start, this.#position, isGeneralized ? 4 : 2)
    if (date !== undefined) return date
    const text = String.fromCharCode(
      ...this.#bytes.subarray(start, Math.min(start + 32, this.#position)),
    )
    throw this.#refuse(field, start, `not a time of RFC 5280: ${JSON.stringify(text)}`)
  }

  /** The content of an element of whatever tag. */
  anyContent(field: string): Uint8Array {
    return this.#content(field, this.nextTag ?? tags.sequence)
  }

  /** The next element whole, header included, and a reader for the inside when it is a SEQUENCE. */
  wholeSequence(field: string): { readonly whole: Uint8Array; readonly inside: DerReader } {
    const start = this.#position
    const inside = this.#constructed(field, tags.sequence)
    return { whole: this.#bytes.subarray(start, this.#position), inside }
  }

  /** Refuses elements that no read has claimed. */
  end(): void {
    const left = this.#end - this.#position
    if (left > 0) {
      throw this.#error('ERR_FORMAT_TRAILING', '(end)', this.#position, `${left} bytes left over`)
    }
  }

  /** The error to throw for a field whose value is well-formed DER but is not what the format allows. */
  refuse(field: string, detail: string): FormatError {
    return this.#refuse(field, this.#position, detail)
  }

  #constructed(field: string, tag: number): DerReader {
    const start = this.#enter(field, tag)
    return new DerReader(this.#bytes, field, this.#base, this, start, this.#position)
  }

  #content(field: string, tag: number): Uint8Array {
    const start = this.#enter(field, tag)
    return this.#bytes.subarray(start, this.#position)
  }

  /** Where the magnitude of a non-negative INTEGER starts; it ends at the cursor. */
  #unsigned(field: string, tag: number): number {
    const start = this.#enter(field, tag)
    const length = this.#position - start
    const first = this.#byte(start)
    if (length === 0) throw this.#refuse(field, start, 'an INTEGER has no bytes')
    if (first >= 0x80) throw this.#refuse(field, start, 'negative')
    if (first !== 0 || length === 1) return start
    if (this.#byte(start + 1) < 0x80) throw this.#refuse(field, start, 'an INTEGER is padded')
    return start + 1
  }

  #bounded(field: string, tag: number, max: number): number {
    const at = this.#position
    const start = this.#unsigned(field, tag)
    let value = 0
    for (let index = start; index < this.#position; index++) value = value * 256 + this.#byte(index)
    if (value <= max && value <= Number.MAX_SAFE_INTEGER) return value
    throw this.#refuse(field, at, `more than ${max}`)
  }

  /** Reads the header of an element of this tag and moves past the element; where its content starts. */
  #enter(field: string, tag: number): number {
    const at = this.#position
    this.#need(field, at, 2)
    const actual = this.#byte(at)
    if (actual !== tag) {
      const hex = (value: number) => value.toString(16).padStart(2, '0')
      throw this.#refuse(field, at, `expected tag ${hex(tag)}, found ${hex(actual)}`)
    }
    if ((tag & 0x1f) === 0x1f) throw this.#refuse(field, at, 'a tag of more than one byte')
    const first = this.#byte(at + 1)
    const sizeOfLength = first < 0x80 ? 0 : first - 0x80
    const start = at + 2 + sizeOfLength
    const length = first < 0x80 ? first : this.#longLength(field, at, sizeOfLength)
    this.#need(field, start, length)
    this.#position = start + length
    return start
  }

  #longLength(field: string, at: number, size: number): number {
    if (size === 0 || size > longestLengthField) {
      throw this.#refuse(field, at, size === 0 ? 'indefinite length' : 'length is too large')
    }
    this.#need(field, at + 2, size)
    let length = 0
    for (let index = 0; index < size; index++) length = length * 256 + this.#byte(at + 2 + index)
    if (length < 0x80 || length < 256 ** (size - 1)) {
      throw this.#refuse(field, at, 'the length is not minimal')
    }
    return length
  }

  #byte(at: number): number {
    return this.#bytes[at] ?? 0
  }

  #need(field: string, at: number, length: number): void {
    const left = this.#end - at
    if (length <= left) return
    throw this.#error('ERR_FORMAT_TRUNCATED', field, at, `need ${length} bytes, ${left} left`)
  }

  #refuse(field: string, at: number, detail: string): FormatError {
    return this.#error('ERR_FORMAT_VALUE', field, at, detail)
  }

  get #path(): string {
    return this.#outer === undefined ? this.#name : `${this.#outer.#path}.${this.#name}`
  }

  #error(code: FormatErrorCode, field: string, at: number, detail: string): FormatError {
    return new FormatError(code, `${this.#path}.${field}`, this.#base + at, detail)
  }
}

function firstArcs(value: number): string {
  const root = Math.min(2, Math.floor(value / 40))
  return `${root}.${value - 40 * root}`
}

/** `yymmddhhmmssZ` or `yyyymmddhhmmssZ`, as bytes. */
function parseTime(
  bytes: Uint8Array,
  start: number,
  end: number,
  yearDigits: 2 | 4,
): Date | undefined {
  if (end - start !== yearDigits + 11 || bytes[end - 1] !== 0x5a) return undefined
  const parts: number[] = []
  let position = start
  for (const digits of [yearDigits, 2, 2, 2, 2, 2]) {
    let value = 0
    for (const after = position + digits; position < after; position++) {
      const digit = (bytes[position] ?? 0) - 0x30
      if (digit < 0 || digit > 9) return undefined
      value = value * 10 + digit
    }
    parts.push(value)
  }
  const [written = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  const century = written < 50 ? 2000 : 1900
  const year = yearDigits === 2 ? century + written : written
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists && hour < 24 && minute < 60 && second < 60 ? date : undefined
}
