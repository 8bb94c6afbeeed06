import { ByteReader, ByteWriter, concatBytes } from '@alcove/bytes'

/**
 * Puts a message behind its length, in one piece, so that one write sends it whole.
 *
 * | offset | size | field                           |
 * | -----: | ---: | ------------------------------- |
 * |   0x00 |    4 | length of the body, u32le       |
 * |   0x04 |    – | body: one `Request`, `Response` |
 *
 * @see docs/formats/aesm.md
 */
export function encodeFrame(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(new ByteWriter('frame').u32le('length', body.byteLength).done(), body)
}

/**
 * Collects one frame from chunks split anywhere. The length is held against the cap before a
 * byte is allocated for the body; bytes behind the frame are ignored, since a connection
 * carries one frame each way.
 */
export class FrameReader {
  readonly #maxBytes: number
  readonly #prefix = new Filling(4)
  #body: Filling | undefined

  /** @param maxBytes the longest body that is accepted */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether any byte has come in yet. */
  get started(): boolean {
    return this.#prefix.length > 0
  }

  /**
   * Takes the next chunk; the body, once it is whole.
   *
   * @throws {FormatError} `ERR_FORMAT_VALUE` for a length above the cap
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    const reader = new ByteReader(chunk, 'frame')
    this.#prefix.take(reader)
    if (!this.#prefix.full) return undefined
    this.#body ??= new Filling(this.#bodyLength())
    this.#body.take(reader)
    return this.#body.full ? this.#body.bytes : undefined
  }

  #bodyLength(): number {
    const reader = new ByteReader(this.#prefix.bytes, 'frame')
    const length = reader.u32le('length')
    if (length <= this.#maxBytes) return length
    throw reader.refuse('length', 4, `${length} bytes, the limit is ${this.#maxBytes}`)
  }
}

/** Bytes of a known length that come in pieces. */
class Filling {
  readonly bytes: Uint8Array
  length = 0

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
  }

  get full(): boolean {
    return this.length === this.bytes.byteLength
  }

  take(reader: ByteReader): void {
    const wanted = Math.min(reader.left, this.bytes.byteLength - this.length)
    this.bytes.set(reader.bytes('bytes', wanted), this.length)
    this.length += wanted
  }
}
