import { FormatError } from '@alcove/bytes'
import { ecdsaP256KeyId, keyIdBytes, parseKeyIdList, sameKey } from './attestation-key-id.ts'
import { AesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'

/** @throws {AesmError} 3 (PARAMETER) naming the field, unless `holds` */
export function requireParameter(field: string, holds: boolean): void {
  if (!holds) throw new AesmError(AesmCode.parameter, field)
}

/** @throws {AesmError} 3 if the id is missing or short, 38 if it is not the one that is served */
export function requireKeyId(keyId: Uint8Array): void {
  requireParameter('att_key_id', keyId.byteLength >= keyIdBytes)
  if (!sameKey(keyId, ecdsaP256KeyId)) throw new AesmError(AesmCode.unsupportedKeyId)
}

/**
 * Picks from the ids that a client can use; without a list, the id that is served.
 *
 * @returns the client's own entry, its bytes past the first 158 included
 * @throws {AesmError} 3 for a malformed list, 38 if no entry is served
 */
export function selectKeyId(list: Uint8Array | undefined): Uint8Array {
  if (list === undefined) return ecdsaP256KeyId
  const selected = parseListed(list).find(keyId => sameKey(keyId, ecdsaP256KeyId))
  if (selected === undefined) throw new AesmError(AesmCode.unsupportedKeyId)
  return selected
}

function parseListed(list: Uint8Array): Uint8Array[] {
  try {
    return parseKeyIdList(list)
  } catch (cause) {
    if (cause instanceof FormatError) {
      throw new AesmError(AesmCode.parameter, cause.message, { cause })
    }
    throw cause
  }
}
