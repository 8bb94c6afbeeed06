import { CollateralError } from './collateral-error.ts'
import { JsonReader } from './json-reader.ts'

/** A JSON object that Intel signed, and the very bytes that the signature is over. */
export interface SignedObject<T> {
  readonly value: T
  readonly signed: Uint8Array
  /** r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

const longestText = 512 * 1024

/**
 * Reads `{"<member>":{…},"signature":"<hex>"}`. The signature is over the bytes of the member's object exactly as they stand in
 * the text: they are what was read, from its first character to its last.
 *
 * @param read reads the member's value
 * @throws {CollateralError} `ERR_COLLATERAL_TOO_LARGE`, `ERR_COLLATERAL_FORMAT`, `ERR_COLLATERAL_VALUE`
 */
export function parseSignedObject<T>(
  text: string,
  member: string,
  read: (reader: JsonReader) => T,
): SignedObject<T> {
  if (text.length > longestText) {
    const detail = `${text.length} characters; at most ${longestText} are read`
    throw new CollateralError('ERR_COLLATERAL_TOO_LARGE', member, detail)
  }
  const reader = new JsonReader(text, member)
  let found: { readonly value: T; readonly signed: Uint8Array } | undefined
  let signature: string | undefined
  reader.object(key => {
    if (key === member) {
      const { start } = reader
      const value = read(reader)
      found = { value, signed: new TextEncoder().encode(text.slice(start, reader.position)) }
    } else if (key === 'signature') signature = reader.string(1024)
  })
  reader.end()
  if (found === undefined) throw missing(member, `no member "${member}"`)
  if (signature === undefined) throw missing(`${member}.signature`, 'missing')
  return { ...found, signature: signatureBytes(signature, `${member}.signature`) }
}

function signatureBytes(hex: string, field: string): Uint8Array {
  if (/^[0-9a-fA-F]{128}$/.test(hex)) return Uint8Array.fromHex(hex)
  throw new CollateralError('ERR_COLLATERAL_VALUE', field, 'want 64 bytes in hex')
}

function missing(field: string, detail: string): CollateralError {
  return new CollateralError('ERR_COLLATERAL_FORMAT', field, detail)
}
