import type { ByteReader } from '@alcove/bytes'

/**
 * A reader for a part of fixed length. When the input ends inside the part, the error names the field where it ends,
 * not the part as a whole.
 */
export function section(reader: ByteReader, field: string, length: number): ByteReader {
  return reader.nested(field, Math.min(length, reader.left))
}
