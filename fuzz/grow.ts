import { concatBytes } from '../packages/bytes/src/index.ts'
import type { Random } from './random.ts'

// Inputs as large as are read: what takes a time that grows as the square of a length shows in them, and in no small one.

/** `bytes` with a piece of them, or a blank, as often as there is room for. */
export function growBytes(bytes: Uint8Array, random: Random, most: number): Uint8Array {
  if (bytes.byteLength === 0 || bytes.byteLength >= most) return bytes
  const at = random.below(bytes.byteLength)
  const length = random.of([1, 1, 8, 64, 1024])
  const piece = random.once(2) ? Uint8Array.of(0x20) : bytes.subarray(at, at + length)
  const count = Math.floor((most - bytes.byteLength) / piece.byteLength)
  const grown = new Uint8Array(bytes.byteLength + count * piece.byteLength)
  grown.set(bytes.subarray(0, at))
  for (let copy = 0; copy < count; copy++) grown.set(piece, at + copy * piece.byteLength)
  grown.set(bytes.subarray(at), at + count * piece.byteLength)
  return grown
}

/** DER with more of the elements of one of its lists, no two alike, as many as there is room for; every length is right. */
export function growDer(der: Uint8Array, random: Random, most: number): Uint8Array {
  const root = readElement(der)
  const lists = root === undefined ? [] : listsIn(root)
  if (root === undefined || lists.length === 0) return growBytes(der, random, most)
  const list = random.of(lists)
  const item = random.of(list.inside)
  const leaves = leavesOf(item)
  // The first is what the others hang on: a serial number, the OID of an extension.
  const leaf = random.once(2) ? (leaves[0] ?? item) : random.of(leaves)
  const original = leaf.content
  leaf.content = numbered(original, 0)
  const size = encoded(item).byteLength
  const room = most - der.byteLength - LENGTHS
  const copies = new Uint8Array(Math.max(0, room - (room % size)))
  for (let at = 0; at < copies.byteLength; at += size) {
    leaf.content = numbered(original, at / size)
    copies.set(encoded(item), at)
  }
  leaf.content = original
  list.more = copies
  return encoded(root)
}

interface Element {
  readonly tag: number
  content: Uint8Array
  /** Of a constructed one. */
  readonly inside: readonly Element[]
  /** Elements after those that are inside, encoded. */
  more?: Uint8Array
}

const CONSTRUCTED = 0x20
/** By so much the lengths of what a list is in may become longer. */
const LENGTHS = 64

/** The element that `bytes` are, whole; `undefined` if they are none. */
function readElement(bytes: Uint8Array): Element | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  const count = first < 0x80 ? 0 : first & 0x7f
  const start = 2 + count
  const length = count === 0 ? first : bytes.subarray(2, start).reduce((n, b) => n * 256 + b, 0)
  if (bytes.byteLength !== start + length) return undefined
  const content = bytes.subarray(start)
  if ((tag & CONSTRUCTED) === 0) return { tag, content, inside: [] }
  const inside = elementsIn(content)
  return inside && { tag, content, inside }
}

function elementsIn(bytes: Uint8Array): Element[] | undefined {
  const elements: Element[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const first = bytes[at + 1] ?? 0
    const count = first < 0x80 ? 0 : first & 0x7f
    const digits = bytes.subarray(at + 2, at + 2 + count)
    const length = count === 0 ? first : digits.reduce((n, b) => n * 256 + b, 0)
    const element = readElement(bytes.subarray(at, at + 2 + count + length))
    if (element === undefined) return undefined
    elements.push(element)
    at += 2 + count + length
  }
  return elements
}

/** Where several of the same kind stand one after the other. */
function listsIn(element: Element): Element[] {
  const isList =
    element.inside.length > 1 && new Set(element.inside.map(({ tag }) => tag)).size === 1
  return [...(isList ? [element] : []), ...element.inside.flatMap(listsIn)]
}

function leavesOf(element: Element): Element[] {
  return element.inside.length === 0 ? [element] : element.inside.flatMap(leavesOf)
}

/** The same with a number after it, in three bytes below 0x80, as an OBJECT IDENTIFIER may have them. */
function numbered(content: Uint8Array, number: number): Uint8Array {
  const digits = [14, 7, 0].map(bits => (number >> bits) & 0x7f)
  return concatBytes(content, Uint8Array.from(digits))
}

function encoded(element: Element): Uint8Array {
  const { tag, content, inside, more = new Uint8Array() } = element
  const whole = inside.length === 0 ? content : concatBytes(...inside.map(encoded), more)
  const { byteLength } = whole
  if (byteLength < 0x80) return concatBytes(Uint8Array.of(tag, byteLength), whole)
  const digits = [24, 16, 8, 0].map(bits => byteLength >>> bits).filter(digit => digit > 0)
  return concatBytes(Uint8Array.of(tag, 0x80 + digits.length, ...digits), whole)
}
