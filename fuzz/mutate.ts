import { concatBytes } from '../packages/bytes/src/index.ts'
import type { Random } from './random.ts'

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

/** Numbers that lengths and counts go wrong at. */
const edges = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff]

const mutations: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setWord,
  remove,
  repeat,
  insert,
  truncate,
  splice,
  swapDigits,
]

/** One to four changes to a copy of `bytes`; `others` are more of the same kind, to take pieces from. */
export function mutate(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array {
  let changed: Uint8Array = bytes.slice()
  const times = random.once(2) ? 1 : 1 + random.below(4)
  for (let time = 0; time < times; time++) {
    if (changed.byteLength === 0) return changed
    changed = random.of(mutations)(changed, random, others)
  }
  return changed
}

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.byteLength)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  bytes[random.below(bytes.byteLength)] = random.once(2) ? random.of(edges) : random.below(256)
  return bytes
}

/** Four bytes as a number, small, huge or near the length. */
function setWord(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.byteLength < 4) return bytes
  const value = random.of([0, 1, 0xffff_ffff, 0x7fff_ffff, bytes.byteLength, random.below(65_536)])
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint32(random.below(bytes.byteLength - 3), value, random.once(2))
  return bytes
}

function remove(bytes: Uint8Array, random: Random): Uint8Array {
  const { start, end } = piece(bytes, random)
  return concatBytes(bytes.subarray(0, start), bytes.subarray(end))
}

function repeat(bytes: Uint8Array, random: Random): Uint8Array {
  const { start, end } = piece(bytes, random)
  return concatBytes(bytes.subarray(0, end), bytes.subarray(start))
}

function insert(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.byteLength + 1)
  const inserted = Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256))
  return concatBytes(bytes.subarray(0, at), inserted, bytes.subarray(at))
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.subarray(0, random.below(bytes.byteLength))
}

/** The start of this and the end of another. */
function splice(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const other = random.of(others)
  const at = random.below(bytes.byteLength)
  const from = random.once(2) ? Math.min(at, other.byteLength) : random.below(other.byteLength + 1)
  return concatBytes(bytes.subarray(0, at), other.subarray(from))
}

/** In text, another digit or letter for one that is there: what stays readable gets further. */
function swapDigits(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.byteLength)
  const digits = '0123456789abcdefABCDEFZ"{}[],:-+/='
  bytes[at] = digits.charCodeAt(random.below(digits.length))
  return bytes
}

function piece(bytes: Uint8Array, random: Random): { start: number; end: number } {
  const start = random.below(bytes.byteLength)
  const most = random.once(4) ? bytes.byteLength : 32
  const end = Math.min(bytes.byteLength, start + 1 + random.below(most))
  return { start, end }
}
