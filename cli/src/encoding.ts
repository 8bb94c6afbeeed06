export type Encoding = 'raw' | 'hex' | 'base64' | 'url'

export interface Decoded {
  readonly bytes: Uint8Array
  /** How the input had them. */
  readonly encoding: Encoding
  /** The bytes as text, where they are text. */
  readonly text: string | undefined
}

const HEX = /^(?:0[xX])?((?:[0-9a-fA-F]{2})+)$/
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/**
 * What an input has, by its content: text of hex digits alone is hex, other text of base64's letters alone is base64, each with
 * white space anywhere; everything else is as it is. PEM and JSON are text that is neither.
 */
export function decoded(input: Uint8Array): Decoded {
  const text = asText(input)
  if (text === undefined) return { bytes: input, encoding: 'raw', text }
  const letters = text.replaceAll(/\s+/g, '')
  const hex = HEX.exec(letters)?.[1]
  if (hex !== undefined) return inner(Uint8Array.fromHex(hex), 'hex')
  const bytes = BASE64.test(letters) ? base64Bytes(letters) : undefined
  if (bytes !== undefined) return inner(bytes, 'base64')
  const pem = /^\s*-----BEGIN%20/.test(text) ? fromUrl(text) : undefined
  if (pem !== undefined) return { bytes: new TextEncoder().encode(pem), encoding: 'url', text: pem }
  return { bytes: input, encoding: 'raw', text }
}

/** PEM as Intel's PCS sends it in a header. */
function fromUrl(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function inner(bytes: Uint8Array, encoding: Encoding): Decoded {
  return { bytes, encoding, text: asText(bytes) }
}

/** UTF-8 without control characters but white space; NULs may follow, as some tools leave them. */
function asText(bytes: Uint8Array): string | undefined {
  const end = bytes.findLastIndex(byte => byte !== 0) + 1
  const inside = bytes.subarray(0, end)
  if (end === 0 || !inside.every(byte => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d))) {
    return undefined
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(inside)
  } catch {
    return undefined
  }
}

function base64Bytes(letters: string): Uint8Array | undefined {
  const alphabet = /[-_]/.test(letters) ? 'base64url' : 'base64'
  try {
    return Uint8Array.fromBase64(letters, { alphabet })
  } catch {
    return undefined
  }
}
