import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { SgxError } from './sgx-error.ts'
import { parseSigstruct, type Sigstruct } from './sigstruct.ts'

/**
 * Reads a SIGSTRUCT and checks its signature as EINIT does: RSA-3072, PKCS #1 v1.5, SHA-256, over bytes [0, 128) and
 * [900, 1028), and that q1 = ⌊s² / n⌋ and q2 = ⌊(s² − q1·n)·s / n⌋ are the quotients of that signature.
 * It says nothing about who the signer is: compare `mrSigner`.
 *
 * @throws {FormatError} as `parseSigstruct`
 * @throws {SgxError} `ERR_SGX_SIGSTRUCT_SIGNATURE`
 */
export function verifySigstruct(bytes: Uint8Array): Sigstruct {
  const sigstruct = parseSigstruct(bytes)
  const { key, signature, signedBytes } = sigstruct
  if (!verify('sha256', signedBytes, publicKey(key.modulus), signature.toReversed())) {
    throw refused('the signature is not its key’s')
  }
  const n = unsigned(key.modulus)
  const s = unsigned(signature)
  const q1 = (s * s) / n
  if (unsigned(sigstruct.q1) !== q1) throw refused('q1 does not belong to the signature')
  if (unsigned(sigstruct.q2) !== ((s * s - q1 * n) * s) / n) {
    throw refused('q2 does not belong to the signature')
  }
  return sigstruct
}

function publicKey(modulus: Uint8Array): KeyObject {
  const n = modulus.toReversed().toBase64({ alphabet: 'base64url', omitPadding: true })
  try {
    return createPublicKey({ key: { kty: 'RSA', n, e: 'Aw' }, format: 'jwk' })
  } catch (cause) {
    throw refused('its modulus is no RSA key', { cause })
  }
}

/** Little-endian bytes as a number. */
function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`)
}

function refused(why: string, options?: ErrorOptions): SgxError {
  const message = `the SIGSTRUCT is not signed as the processor requires: ${why}`
  return new SgxError('ERR_SGX_SIGSTRUCT_SIGNATURE', message, undefined, options)
}
