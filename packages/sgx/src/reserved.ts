import { concatBytes } from '@alcove/bytes'

/**
 * The reserved bytes of a structure, in their order: kept, since a signature or a MAC is over them too, and left out where
 * all are zero, as they should be.
 */
export function reservedIn(...parts: readonly Uint8Array[]): { readonly reserved?: Uint8Array } {
  return parts.every(isZero) ? {} : { reserved: concatBytes(...parts) }
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}
