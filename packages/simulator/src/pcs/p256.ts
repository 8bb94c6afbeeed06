import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { concatBytes } from '@alcove/bytes'

/** The order of the P-256 group; a private key is a number from 1 to one less. */
export const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/**
 * A P-256 private key that depends on nothing but its arguments: whoever has the seed has the key.
 *
 * @param seed secret, 32 bytes
 * @param label what the key is for; two labels give unrelated keys
 * @param context what distinguishes keys of one purpose, such as a platform's PPID and TCB
 */
export function deriveP256(
  seed: Uint8Array,
  label: string,
  context: Uint8Array = new Uint8Array(),
): KeyObject {
  return p256FromScalar(scalarFrom(deriveBytes(seed, label, context, 48)))
}

/** Bytes from HKDF-SHA-256, with label and context kept apart by a zero byte. */
export function deriveBytes(
  seed: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const info = concatBytes(new TextEncoder().encode(`alcove simulated ${label}\0`), context)
  return new Uint8Array(hkdfSync('sha256', seed, new Uint8Array(), info, length))
}

/** The private key of a scalar from 1 to `p256Order` - 1. */
export function p256FromScalar(scalar: bigint): KeyObject {
  const d = Uint8Array.fromHex(scalar.toString(16).padStart(64, '0'))
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(d)
  const point = Uint8Array.from(ecdh.getPublicKey())
  const base64url = (bytes: Uint8Array) =>
    bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: base64url(d),
      x: base64url(point.subarray(1, 33)),
      y: base64url(point.subarray(33)),
    },
  })
}

/** 128 bits more than the order has make each scalar as likely as any other, to within 2^-128. */
function scalarFrom(bytes: Uint8Array): bigint {
  return (BigInt(`0x${bytes.toHex()}`) % (p256Order - 1n)) + 1n
}
