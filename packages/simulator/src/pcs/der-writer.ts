/**
 * DER (ITU-T X.690) for what the simulated PCS issues: each function answers one whole element, tag and length
 * included, in the only encoding that DER allows.
 */

import { concatBytes } from '@alcove/bytes'

type Der = Uint8Array<ArrayBuffer>

export function sequence(...parts: readonly Uint8Array[]): Der {
  return element(0x30, ...parts)
}

/** A SET OF one element: what a relative distinguished name is. DER would have more of them sorted. */
export function setOfOne(part: Uint8Array): Der {
  return element(0x31, part)
}

export function boolean(value: boolean): Der {
  return element(0x01, Uint8Array.of(value ? 0xff : 0x00))
}

export function integer(value: number | bigint): Der {
  return unsignedInteger(bigEndian(BigInt(value)))
}

/** An INTEGER of a magnitude in big-endian bytes, such as a serial number. Never negative. */
export function unsignedInteger(magnitude: Uint8Array): Der {
  const first = magnitude.findIndex(byte => byte !== 0)
  const digits = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first)
  return (digits[0] ?? 0) < 0x80 ? element(0x02, digits) : element(0x02, Uint8Array.of(0), digits)
}

export function enumerated(value: number): Der {
  return element(0x0a, Uint8Array.of(value))
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Der {
  return element(0x03, Uint8Array.of(unusedBits), bytes)
}

export function octetString(bytes: Uint8Array): Der {
  return element(0x04, bytes)
}

export function utf8String(text: string): Der {
  return element(0x0c, new TextEncoder().encode(text))
}

/** @param dotted `1.2.840.113741`: the first arc is 0 to 2, the second is below 40 */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number)
  return element(0x06, ...[40 * first + second, ...others].map(base128))
}

/** A time of whole seconds: UTCTime until 2049, GeneralizedTime after that (RFC 5280, 4.1.2.5). */
export function time(at: Date): Der {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '')
  const utf8 = new TextEncoder()
  return at.getUTCFullYear() < 2050
    ? element(0x17, utf8.encode(digits.slice(2)))
    : element(0x18, utf8.encode(digits))
}

/** `[number] IMPLICIT` of a primitive type, such as a key identifier. */
export function implicitPrimitive(number: number, content: Uint8Array): Der {
  return element(0x80 | number, content)
}

/** `[number] EXPLICIT`: a whole element inside another. */
export function explicit(number: number, inner: Uint8Array): Der {
  return element(0xa0 | number, inner)
}

function element(tag: number, ...parts: readonly Uint8Array[]): Der {
  const content = concatBytes(...parts)
  return concatBytes(Uint8Array.of(tag), length(content.byteLength), content)
}

function length(value: number): Uint8Array {
  if (value < 0x80) return Uint8Array.of(value)
  const digits = bigEndian(BigInt(value))
  return concatBytes(Uint8Array.of(0x80 | digits.byteLength), digits)
}

function bigEndian(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`)
}

function base128(arc: number): Uint8Array {
  const digits = [arc % 128]
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    digits.unshift(0x80 | (left % 128))
  }
  return Uint8Array.from(digits)
}
