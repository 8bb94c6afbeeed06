import { ByteReader, ByteWriter, concatBytes } from '@alcove/bytes'
import { SimulatorError } from '../simulator-error.ts'

/** Most bytes of JSON in a frame. */
export const maxFrameBytes: number = 2 ** 20

const lengthBytes = 4

/**
 * | offset | size | field                |
 * | -----: | ---: | -------------------- |
 * |   0x00 |    4 | length, without this |
 * |   0x04 |    … | JSON, UTF-8          |
 *
 * @see docs/formats/simulator-protocol.md
 */
export function encodeFrame(value: unknown): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(value))
  return new ByteWriter('frame').u32le('length', json.byteLength).rest(json).done()
}

/** Cuts a stream into frames, wherever the stream was cut. Holds at most one frame and one chunk. */
export class FrameDecoder {
  readonly #code: 'ERR_SIMULATOR_REQUEST' | 'ERR_SIMULATOR_ANSWER'
  #chunks: Uint8Array[] = []
  #bytes = 0
  #wanted = lengthBytes

  /** @param code of the errors: whose frames these are */
  constructor(code: 'ERR_SIMULATOR_REQUEST' | 'ERR_SIMULATOR_ANSWER') {
    this.#code = code
  }

  /** Whether part of a frame has come. */
  get isMidFrame(): boolean {
    return this.#bytes > 0
  }

  /**
   * The values of the frames that `chunk` completes.
   *
   * @throws {SimulatorError} for a frame too long, or one that is not JSON; the stream is of no use then
   */
  *push(chunk: Uint8Array): Generator<unknown, void> {
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    while (this.#bytes >= this.#wanted) {
      const whole = concatBytes(...this.#chunks)
      const reader = new ByteReader(whole, 'frame')
      const length = reader.u32le('length')
      if (length > maxFrameBytes) {
        throw this.#refuse(`a frame of ${length} bytes is over the ${maxFrameBytes} allowed`)
      }
      if (reader.left < length) {
        this.#keep(whole, lengthBytes + length)
        return
      }
      const json = reader.bytes('json', length)
      this.#keep(reader.rest('rest'), lengthBytes)
      yield this.#parse(json)
    }
  }

  #keep(bytes: Uint8Array, wanted: number): void {
    this.#chunks = [bytes]
    this.#bytes = bytes.byteLength
    this.#wanted = wanted
  }

  #parse(json: Uint8Array): unknown {
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
    } catch (cause) {
      throw this.#refuse('a frame is not JSON', cause)
    }
  }

  #refuse(message: string, cause?: unknown): SimulatorError {
    return new SimulatorError(this.#code, message, { cause })
  }
}
