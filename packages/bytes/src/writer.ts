import { FormatError } from './format-error.ts'

/**
 * Builds bytes field by field, in the order of the layout table. Integers are little-endian.
 * A value that does not fit its field is refused: `report.isvSvn at 0x102: 65536 is not a u16`.
 */
export class ByteWriter {
  readonly #name: string
  readonly #parts: Uint8Array[] = []
  #length = 0

  constructor(name: string) {
    this.#name = name
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  u8(field: string, value: number): this {
    return this.#integer(field, value, 1)
  }

  u16le(field: string, value: number): this {
    return this.#integer(field, value, 2)
  }

  u32le(field: string, value: number): this {
    return this.#integer(field, value, 4)
  }

  u64le(field: string, value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn)
      throw this.#refuse(field, `${value} is not a u64`)
    const part = new Uint8Array(8)
    new DataView(part.buffer).setBigUint64(0, value, true)
    return this.#push(part)
  }

  /** Bytes of exactly `length`. The writer borrows them until `done`. */
  bytes(field: string, value: Uint8Array, length: number): this {
    if (value.byteLength !== length) {
      throw this.#refuse(field, `want ${length} bytes, got ${value.byteLength}`)
    }
    return this.#push(value)
  }

  /** Bytes whose length the format carries elsewhere. */
  rest(value: Uint8Array): this {
    return this.#push(value)
  }

  zeros(length: number): this {
    return this.#push(new Uint8Array(length))
  }

  done(): Uint8Array<ArrayBuffer> {
    return concatBytes(...this.#parts)
  }

  #integer(field: string, value: number, length: 1 | 2 | 4): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * length)) {
      throw this.#refuse(field, `${value} is not a u${8 * length}`)
    }
    const part = new Uint8Array(length)
    for (let index = 0; index < length; index++) part[index] = Math.floor(value / 2 ** (8 * index))
    return this.#push(part)
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part)
    this.#length += part.byteLength
    return this
  }

  #refuse(field: string, detail: string): FormatError {
    return new FormatError('ERR_FORMAT_VALUE', `${this.#name}.${field}`, this.#length, detail)
  }
}

/** One byte string out of several. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0))
  let position = 0
  for (const part of parts) {
    whole.set(part, position)
    position += part.byteLength
  }
  return whole
}
