import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { concatBytes } from '@alcove/bytes'

/** SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480, section 2). */
const p256SpkiPrefix = Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004')

/**
 * Whether `signature` (DER) over `data` is ECDSA P-256 with SHA-256 by the key `xy` (x‖y, 64 bytes).
 * A key of another size, or a point that is not on the curve, verifies nothing.
 */
export function verifyP256(data: Uint8Array, xy: Uint8Array, signature: Uint8Array): boolean {
  const key = importP256(xy)
  // The bare key and a DER signature are node:crypto's fast form: an options object costs a quarter of the throughput.
  return key !== undefined && verify('sha256', data, key, signature)
}

/** The same for a raw signature, r‖s, 32 bytes each, big-endian, as quotes and Intel's JSON carry it. */
export function verifyP256Raw(data: Uint8Array, xy: Uint8Array, raw: Uint8Array): boolean {
  return verifyP256(data, xy, derOfRaw(raw))
}

function importP256(xy: Uint8Array): KeyObject | undefined {
  if (xy.byteLength !== 64) return undefined
  // PEM text imports twice as fast as the same SPKI in DER.
  const base64 = concatBytes(p256SpkiPrefix, xy).toBase64()
  try {
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----`)
  } catch {
    return undefined
  }
}

function derOfRaw(raw: Uint8Array): Uint8Array {
  const r = derInteger(raw.subarray(0, 32))
  const s = derInteger(raw.subarray(32))
  return concatBytes(Uint8Array.of(0x30, r.byteLength + s.byteLength), r, s)
}

function derInteger(magnitude: Uint8Array): Uint8Array {
  const first = magnitude.findIndex(byte => byte !== 0)
  const minimal = first === -1 ? Uint8Array.of(0) : magnitude.subarray(first)
  const sign = (minimal[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array()
  return concatBytes(Uint8Array.of(0x02, sign.byteLength + minimal.byteLength), sign, minimal)
}
