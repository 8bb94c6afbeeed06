import { createHash } from 'node:crypto'
import { ByteWriter } from '@alcove/bytes'
import { SgxError } from './sgx-error.ts'

/** Bits of SECINFO's flags: what a page may be used for, and what it is. A page has one of the types. */
export const SecinfoFlag = {
  read: 0x1n,
  write: 0x2n,
  execute: 0x4n,
  tcs: 0x100n,
  regular: 0x200n,
} as const

const PAGE_BYTES = 4096n
/** EEXTEND measures this much at a time. */
export const CHUNK_BYTES = 256

/**
 * MRENCLAVE, computed as the processor does while an enclave is built: SHA-256 over one 64-byte record for each step,
 * and over the data of each measured chunk.
 *
 * | record  | 0x00         | 0x08                 | 0x0c       | 0x10                           | then |
 * | ------- | ------------ | -------------------- | ---------- | ------------------------------ | ---- |
 * | ECREATE | `ECREATE\0`  | u32 SSA frame size   | u64 size   |                                |      |
 * | EADD    | `EADD\0\0\0\0` | u64 page offset    |            | SECINFO, 48 bytes: u64 flags … |      |
 * | EEXTEND | `EEXTEND\0`  | u64 chunk offset     |            |                                | 256 bytes of data |
 *
 * Offsets count from the start of the enclave. The rest of each record is zero.
 *
 * @see docs/formats/mrenclave.md
 */
export class EnclaveMeasurement {
  readonly #hash = createHash('sha256')
  readonly #pages = new Set<bigint>()
  #size: bigint | undefined

  /**
   * Begins the enclave.
   *
   * @param ssaFrameSize in pages
   * @param size of the enclave's address range, in bytes
   * @throws {SgxError} `ERR_SGX_MEASUREMENT_ORDER` the second time
   * @throws {FormatError} `ERR_FORMAT_VALUE` for a number that does not fit its field
   */
  ecreate(ssaFrameSize: number, size: bigint): void {
    if (this.#size !== undefined) {
      throw new SgxError('ERR_SGX_MEASUREMENT_ORDER', 'ECREATE: the enclave was created already')
    }
    this.#hash.update(
      record('ECREATE').u32le('ssaFrameSize', ssaFrameSize).u64le('size', size).zeros(44).done(),
    )
    this.#size = size
  }

  /**
   * Adds the 4096-byte page at `offset`; its data counts only where EEXTEND measures it.
   *
   * @throws {SgxError} `ERR_SGX_MEASUREMENT_ORDER` before ECREATE, `_ALIGNMENT` for an offset within a page,
   *   `_RANGE` for a page outside the enclave
   */
  eadd(offset: bigint, secinfoFlags: bigint): void {
    const size = this.#created('EADD', offset)
    aligned('EADD', offset, PAGE_BYTES)
    if (offset + PAGE_BYTES > size) {
      const message = `EADD: the page at ${hex(offset)} is outside the enclave of ${hex(size)} bytes`
      throw new SgxError('ERR_SGX_MEASUREMENT_RANGE', message, offset)
    }
    this.#hash.update(
      record('EADD').u64le('offset', offset).u64le('secinfo.flags', secinfoFlags).zeros(40).done(),
    )
    this.#pages.add(offset)
  }

  /**
   * Measures 256 bytes of a page that was added.
   *
   * @throws {SgxError} `ERR_SGX_MEASUREMENT_ORDER` before ECREATE or the page's EADD, `_ALIGNMENT` for an offset that
   *   is no multiple of 256
   * @throws {FormatError} `ERR_FORMAT_VALUE` for another length
   */
  eextend(offset: bigint, data256: Uint8Array): void {
    this.#created('EEXTEND', offset)
    aligned('EEXTEND', offset, BigInt(CHUNK_BYTES))
    if (!this.#pages.has(offset - (offset % PAGE_BYTES))) {
      const message = `EEXTEND: the page of ${hex(offset)} was not added`
      throw new SgxError('ERR_SGX_MEASUREMENT_ORDER', message, offset)
    }
    this.#hash.update(
      record('EEXTEND')
        .u64le('offset', offset)
        .zeros(48)
        .bytes('data', data256, CHUNK_BYTES)
        .done(),
    )
  }

  /**
   * MRENCLAVE of what was built so far, 32 bytes. Building may go on.
   *
   * @throws {SgxError} `ERR_SGX_MEASUREMENT_ORDER` before ECREATE
   */
  mrEnclave(): Uint8Array {
    this.#created('MRENCLAVE')
    return Uint8Array.from(this.#hash.copy().digest())
  }

  #created(step: string, offset?: bigint): bigint {
    if (this.#size !== undefined) return this.#size
    throw new SgxError('ERR_SGX_MEASUREMENT_ORDER', `${step}: no enclave was created yet`, offset)
  }
}

function record(tag: 'ECREATE' | 'EADD' | 'EEXTEND'): ByteWriter {
  const name = new TextEncoder().encode(tag)
  return new ByteWriter(tag).rest(name).zeros(8 - name.byteLength)
}

function aligned(step: string, offset: bigint, unit: bigint): void {
  if (offset % unit === 0n) return
  const message = `${step}: offset ${hex(offset)} is not a multiple of ${unit}`
  throw new SgxError('ERR_SGX_MEASUREMENT_ALIGNMENT', message, offset)
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}
