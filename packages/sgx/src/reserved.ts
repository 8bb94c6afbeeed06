import { concatBytes } from '@alcove/bytes'

/** Reserved bytes as `ByteReader.unlessZero` reads them. */
export type Reserved = Uint8Array | number

/**
 * The reserved bytes of a structure, in their order: kept, since a signature or a MAC is over them too, and left out where
 * all are zero, as they should be.
 */
export function reservedIn(...parts: readonly Reserved[]): {
  readonly reserved?: Uint8Array
} {
  if (parts.every(part => typeof part === 'number')) return {}
  const bytes = parts.map(part => (typeof part === 'number' ? new Uint8Array(part) : part))
  return { reserved: concatBytes(...bytes) }
}
