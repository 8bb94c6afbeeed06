import { ByteReader, ByteWriter } from '@alcove/bytes'
import { reservedIn } from './reserved.ts'

/** Bits of `Tcs.flags`. */
export const TcsFlag = {
  debugOptIn: 0x1n,
} as const

/** Where a thread enters an enclave, and where its state is kept. Offsets count from the start of the enclave. */
export interface Tcs {
  /** The processor's own: whether a thread has entered. */
  readonly state: bigint
  /** Bits of TcsFlag; EADD clears them. */
  readonly flags: bigint
  /** Offset of the first SSA frame. */
  readonly ossa: bigint
  /** Index of the current SSA frame; EADD clears it. */
  readonly cssa: number
  /** How many SSA frames there are. */
  readonly nssa: number
  /** Offset of the entry point. */
  readonly oentry: bigint
  /** The processor's own: the address outside that a thread leaves to at an exception or interrupt. */
  readonly aep: bigint
  /** Offset of what FS shall begin at. */
  readonly ofsBase: bigint
  /** Offset of what GS shall begin at. */
  readonly ogsBase: bigint
  /** Limit of FS, in an enclave of 32 bits. */
  readonly fsLimit: number
  /** Limit of GS, in an enclave of 32 bits. */
  readonly gsLimit: number
  /** 4024 bytes; left out where all are zero. */
  readonly reserved?: Uint8Array
}

/**
 * Reads a TCS, exactly 4096 bytes.
 *
 * | offset | size | field  | offset | size | field    |
 * | -----: | ---: | ------ | -----: | ---: | -------- |
 * |   0x00 |    8 | state  |   0x28 |    8 | aep      |
 * |   0x08 |    8 | flags  |   0x30 |    8 | ofsBase  |
 * |   0x10 |    8 | ossa   |   0x38 |    8 | ogsBase  |
 * |   0x18 |    4 | cssa   |   0x40 |    4 | fsLimit  |
 * |   0x1c |    4 | nssa   |   0x44 |    4 | gsLimit  |
 * |   0x20 |    8 | oentry |   0x48 | 4024 | reserved |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING`
 * @see docs/formats/tcs.md
 */
export function parseTcs(bytes: Uint8Array): Tcs {
  const reader = new ByteReader(bytes, 'tcs')
  const tcs = {
    state: reader.u64le('state'),
    flags: reader.u64le('flags'),
    ossa: reader.u64le('ossa'),
    cssa: reader.u32le('cssa'),
    nssa: reader.u32le('nssa'),
    oentry: reader.u64le('oentry'),
    aep: reader.u64le('aep'),
    ofsBase: reader.u64le('ofsBase'),
    ogsBase: reader.u64le('ogsBase'),
    fsLimit: reader.u32le('fsLimit'),
    gsLimit: reader.u32le('gsLimit'),
    ...reservedIn(reader.unlessZero('reserved', 4024)),
  }
  reader.end()
  return tcs
}

/**
 * The 4096 bytes of a TCS.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/tcs.md
 */
export function encodeTcs(tcs: Tcs): Uint8Array<ArrayBuffer> {
  return new ByteWriter('tcs')
    .u64le('state', tcs.state)
    .u64le('flags', tcs.flags)
    .u64le('ossa', tcs.ossa)
    .u32le('cssa', tcs.cssa)
    .u32le('nssa', tcs.nssa)
    .u64le('oentry', tcs.oentry)
    .u64le('aep', tcs.aep)
    .u64le('ofsBase', tcs.ofsBase)
    .u64le('ogsBase', tcs.ogsBase)
    .u32le('fsLimit', tcs.fsLimit)
    .u32le('gsLimit', tcs.gsLimit)
    .bytes('reserved', tcs.reserved ?? new Uint8Array(4024), 4024)
    .done()
}
