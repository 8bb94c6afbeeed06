import { FormatError, type FormatErrorCode } from './format-error.ts'

/**
 * A cursor over borrowed bytes. Every read names its field, so a bad input is reported as
 * `quote.header.qeSvn at 0x8: need 2 bytes, 1 left` and no caller does offset arithmetic.
 * Integers are little-endian.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #name: string
  readonly #base: number
  /** What this reader is nested in. Names are put together only for an error. */
  readonly #outer: ByteReader | undefined
  readonly #start: number
  readonly #end: number
  #view: DataView | undefined
  /** In `bytes`, whichever part of them this reader has. */
  #position: number

  /**
   * @param base offset of `bytes[0]` in the outermost input, for errors
   * @param outer the reader whose field `name` this one reads
   * @param start where in `bytes` the part starts that is read; it ends before `end`
   */
  constructor(
    bytes: Uint8Array,
    name: string,
    base = 0,
    outer?: ByteReader,
    start = 0,
    end: number = bytes.byteLength,
  ) {
    this.#bytes = bytes
    this.#name = name
    this.#base = base
    this.#outer = outer
    this.#start = start
    this.#end = end
    this.#position = start
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position - this.#start
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#end - this.#position
  }

  u8(field: string): number {
    return this.#byte(this.#take(field, 1))
  }

  u16le(field: string): number {
    const start = this.#take(field, 2)
    return this.#byte(start) | (this.#byte(start + 1) << 8)
  }

  u32le(field: string): number {
    const start = this.#take(field, 4)
    const low = this.#byte(start) | (this.#byte(start + 1) << 8)
    return low + this.#byte(start + 2) * 0x1_0000 + this.#byte(start + 3) * 0x100_0000
  }

  u64le(field: string): bigint {
    const start = this.#take(field, 8)
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
    return this.#view.getBigUint64(start, true)
  }

  /** Reads a u16 that has only one legal value, and narrows to it. */
  expectU16le<const T extends number>(field: string, expected: T): T {
    const start = this.#position
    const actual = this.u16le(field)
    if (actual === expected) return expected
    throw this.#error('ERR_FORMAT_VALUE', field, start, `expected ${expected}, found ${actual}`)
  }

  /** Reads bytes that have only one legal value. */
  expectBytes(field: string, expected: Uint8Array): Uint8Array {
    const start = this.#position
    const actual = this.bytes(field, expected.byteLength)
    if (equalBytes(actual, expected)) return actual
    throw this.#error(
      'ERR_FORMAT_VALUE',
      field,
      start,
      `expected ${expected.toHex()}, found ${actual.toHex()}`,
    )
  }

  /** The next `length` bytes, as a view: copy before keeping it beyond the input's lifetime. */
  bytes(field: string, length: number): Uint8Array {
    const start = this.#take(field, length)
    return this.#bytes.subarray(start, start + length)
  }

  /** Everything not read yet, as a view. */
  rest(field: string): Uint8Array {
    return this.bytes(field, this.left)
  }

  /** A reader confined to the next `length` bytes; its errors still count from the outermost input. */
  nested(field: string, length: number): ByteReader {
    const start = this.#take(field, length)
    return new ByteReader(this.#bytes, field, this.#base, this, start, start + length)
  }

  /** The next `length` bytes, as a view; only how many they are, if all of them are zero. */
  unlessZero(field: string, length: number): Uint8Array | number {
    const start = this.#take(field, length)
    const end = start + length
    for (let at = start; at < end; at++) {
      if (this.#bytes[at] !== 0) return this.#bytes.subarray(start, end)
    }
    return length
  }

  /** Refuses bytes that no read has claimed. */
  end(): void {
    if (this.left > 0) {
      throw this.#error(
        'ERR_FORMAT_TRAILING',
        '(end)',
        this.#position,
        `${this.left} bytes left over`,
      )
    }
  }

  /** The error to throw for the field that ends at the cursor and is `length` bytes long. */
  refuse(field: string, length: number, detail: string): FormatError {
    return this.#error('ERR_FORMAT_VALUE', field, this.#position - length, detail)
  }

  #take(field: string, length: number): number {
    const start = this.#position
    if (length > this.left) {
      const detail = `need ${length} bytes, ${this.left} left`
      throw this.#error('ERR_FORMAT_TRUNCATED', field, start, detail)
    }
    this.#position = start + length
    return start
  }

  #byte(position: number): number {
    return this.#bytes[position] ?? 0
  }

  get #path(): string {
    return this.#outer === undefined ? this.#name : `${this.#outer.#path}.${this.#name}`
  }

  #error(code: FormatErrorCode, field: string, position: number, detail: string): FormatError {
    return new FormatError(code, `${this.#path}.${field}`, this.#base + position, detail)
  }
}

/** Whether two byte strings are the same. Not constant-time: never compare secrets with it. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  // A call out of JavaScript costs as much as comparing some 40 bytes in it.
  if (a.byteLength > 40) return Buffer.compare(a, b) === 0
  for (let index = 0; index < a.byteLength; index++) if (a[index] !== b[index]) return false
  return true
}
