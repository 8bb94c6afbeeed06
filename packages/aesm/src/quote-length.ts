import { ByteReader } from '@alcove/bytes'

/**
 * The quote without the zero bytes that pad it to the length that was asked for:
 * 436 bytes and as many more as its signature_data_len says.
 *
 * @throws {FormatError} the bytes end before the quote does
 * @see docs/formats/aesm.md
 */
export function trimQuote(padded: Uint8Array): Uint8Array {
  const reader = new ByteReader(padded, 'quote')
  reader.bytes('signedPart', 432)
  reader.bytes('signatureData', reader.u32le('signatureDataLength'))
  return padded.slice(0, reader.position)
}
