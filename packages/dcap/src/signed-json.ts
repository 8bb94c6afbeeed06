import type * as z from 'zod'
import { CollateralError } from './collateral-error.ts'
import { hexOf, parseJson } from './json.ts'

/** A JSON object that Intel signed, and the very bytes that the signature is over. */
export interface SignedObject<T> {
  readonly value: T
  readonly signed: Uint8Array
  /** r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

const longestText = 512 * 1024
const signatureHex = hexOf(64)

/**
 * Reads `{"<member>":{…},"signature":"<hex>"}`. The signature is over the bytes of the member's object exactly as they stand in
 * the text, so these are cut out, and the value is parsed from that cut and from nothing else.
 *
 * @param name of the part in the collateral, for errors
 * @throws {CollateralError} `ERR_COLLATERAL_TOO_LARGE`, `ERR_COLLATERAL_FORMAT`, `ERR_COLLATERAL_VALUE`
 */
export function parseSignedObject<T>(
  text: string,
  member: string,
  schema: z.ZodType<T>,
): SignedObject<T> {
  if (text.length > longestText) {
    const detail = `${text.length} characters; at most ${longestText} are read`
    throw new CollateralError('ERR_COLLATERAL_TOO_LARGE', member, detail)
  }
  const members = rawMembers(text, member)
  const raw = members.get(member)
  if (raw === undefined) throw malformed(member, `no member "${member}"`)
  const signature = members.get('signature')
  if (signature === undefined) throw malformed(`${member}.signature`, 'missing')
  return {
    value: parseJson(raw, member, schema),
    signed: new TextEncoder().encode(raw),
    signature: Uint8Array.fromHex(parseJson(signature, `${member}.signature`, signatureHex)),
  }
}

const token = /\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+)/y

/** The members of the outermost object as raw text. What is between their brackets is left for JSON.parse to judge. */
function rawMembers(text: string, name: string): Map<string, string> {
  const cursor = new RegExp(token)
  const next = (expected?: string): string => {
    const found = cursor.exec(text)?.[1]
    if (found === undefined || (expected !== undefined && found !== expected)) {
      throw malformed(name, `not an object of JSON members${expected ? `: want ${expected}` : ''}`)
    }
    return found
  }
  const members = new Map<string, string>()
  let separator = next('{')
  do {
    const key = parseKey(next(), name)
    next(':')
    // A second member of the same name would be read by one parser and signed for another.
    if (members.has(key)) throw malformed(name, `"${key}" occurs twice`)
    members.set(key, rawValue(text, cursor, next))
    separator = next()
  } while (separator === ',')
  if (separator !== '}') throw malformed(name, 'the object does not end')
  if (text.slice(cursor.lastIndex).trim() !== '') throw malformed(name, 'text after the object')
  return members
}

function rawValue(text: string, cursor: RegExp, next: () => string): string {
  const first = next()
  const start = cursor.lastIndex - first.length
  let depth = 0
  for (let found = first; ; found = next()) {
    if (found === '{' || found === '[') depth++
    if (found === '}' || found === ']') depth--
    if (depth <= 0) return text.slice(start, cursor.lastIndex)
  }
}

function parseKey(quoted: string, name: string): string {
  if (!/^"[^"\\]*"$/.test(quoted))
    throw malformed(name, `not a member's name: ${quoted.slice(0, 40)}`)
  return quoted.slice(1, -1)
}

function malformed(field: string, detail: string): CollateralError {
  return new CollateralError('ERR_COLLATERAL_FORMAT', field, detail)
}
