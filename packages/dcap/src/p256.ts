import { createPublicKey, type KeyObject, verify } from 'node:crypto'

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480, section 2). */
const spkiPrefix = Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004')

/**
 * An ECDSA P-256 public key. Most verify one thing: for that the key goes with it, which is cheaper than to import it. One that verifies
 * a second thing is imported, and then held. A key of another size, or a point that is not on the curve, verifies nothing.
 */
export class P256Key {
  /** x‖y. */
  readonly point: Uint8Array
  #imported: KeyObject | 'unusable' | 'used once' | undefined

  constructor(point: Uint8Array) {
    this.point = point
  }

  /** Whether `signature` (DER) over `data` is by this key, with SHA-256. */
  verifies(data: Uint8Array, signature: Uint8Array): boolean {
    if (this.#imported === undefined) return this.#verifiesFirst(data, signature)
    if (this.#imported === 'used once') this.#imported = importPoint(this.point)
    // The bare key and a DER signature are node:crypto's fast form: an options object costs a quarter of the throughput.
    return this.#imported !== 'unusable' && verify('sha256', data, this.#imported, signature)
  }

  #verifiesFirst(data: Uint8Array, signature: Uint8Array): boolean {
    const key = spkiOf(this.point)
    this.#imported = key === undefined ? 'unusable' : 'used once'
    if (key === undefined) return false
    try {
      return verify('sha256', data, { key, format: 'der', type: 'spki' }, signature)
    } catch {
      this.#imported = 'unusable'
      return false
    }
  }

  /** The same for a raw signature, r‖s, 32 bytes each, big-endian, as quotes and Intel's JSON carry it. */
  verifiesRaw(data: Uint8Array, raw: Uint8Array): boolean {
    return this.verifies(data, derOfRaw(raw))
  }
}

/** The key as DER; `undefined` for a point of another curve. */
function spkiOf(point: Uint8Array): Buffer | undefined {
  return point.byteLength === 64 ? Buffer.concat([spkiPrefix, point]) : undefined
}

function importPoint(point: Uint8Array): KeyObject | 'unusable' {
  const spki = spkiOf(point)
  if (spki === undefined) return 'unusable'
  try {
    // PEM text imports twice as fast as the same SPKI in DER.
    return createPublicKey(
      `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----`,
    )
  } catch {
    return 'unusable'
  }
}

/** For a signature that is written, verified and forgotten in one call: a memory of its own costs a microsecond. */
const der = new Uint8Array(72)

/** `SEQUENCE { INTEGER r, INTEGER s }`, until the next call. */
function derOfRaw(raw: Uint8Array): Uint8Array {
  const middle = writeInteger(2, raw, 0)
  const end = writeInteger(middle, raw, 32)
  der[0] = 0x30
  der[1] = end - 2
  return der.subarray(0, end)
}

/** Writes the 32-byte big-endian number at `from` as an INTEGER at `at`; where it ends. */
function writeInteger(at: number, raw: Uint8Array, from: number): number {
  let first = from
  while (first < from + 31 && raw[first] === 0) first++
  const sign = (raw[first] ?? 0) >= 0x80 ? 1 : 0
  const length = from + 32 - first
  der[at] = 0x02
  der[at + 1] = sign + length
  if (sign === 1) der[at + 2] = 0
  der.set(raw.subarray(first, from + 32), at + 2 + sign)
  return at + 2 + sign + length
}
