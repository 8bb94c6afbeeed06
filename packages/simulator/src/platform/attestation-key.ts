import { createPublicKey, type KeyObject } from 'node:crypto'
import { concatBytes } from '@alcove/bytes'
import { deriveP256 } from '../pcs/p256.ts'

/** The key that signs quotes. */
export interface AttestationKey {
  readonly privateKey: KeyObject
  /** x ‖ y, 64 bytes, big-endian each. */
  readonly publicKey: Uint8Array
}

/**
 * An ECDSA P-256 key that follows from the machine's seed, and so survives a restart without a file of its own.
 *
 * @param tcb what the machine runs: at another TCB it is another key
 */
export function attestationKeyFromSeed(seed: Uint8Array, tcb: Uint8Array): AttestationKey {
  const privateKey = deriveP256(seed, 'attestation key', tcb)
  const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  const coordinate = (text: string) => Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  return { privateKey, publicKey: concatBytes(coordinate(x), coordinate(y)) }
}
