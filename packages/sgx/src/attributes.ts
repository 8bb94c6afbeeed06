import type { ByteReader, ByteWriter } from '@alcove/bytes'

/** What an enclave may do (`flags`, see AttributeFlag) and which processor state it may use (`xfrm`). */
export interface Attributes {
  readonly flags: bigint
  readonly xfrm: bigint
}

/** Bits of `Attributes.flags`. */
export const AttributeFlag = {
  init: 0x1n,
  debug: 0x2n,
  mode64: 0x4n,
  provisionKey: 0x10n,
  einitTokenKey: 0x20n,
  cet: 0x40n,
  kss: 0x80n,
  aexNotify: 0x400n,
} as const

/** Reads 16 bytes: flags (u64), xfrm (u64). */
export function parseAttributes(reader: ByteReader, field: string): Attributes {
  return { flags: reader.u64le(`${field}.flags`), xfrm: reader.u64le(`${field}.xfrm`) }
}

export function writeAttributes(
  writer: ByteWriter,
  field: string,
  attributes: Attributes,
): ByteWriter {
  return writer.u64le(`${field}.flags`, attributes.flags).u64le(`${field}.xfrm`, attributes.xfrm)
}
