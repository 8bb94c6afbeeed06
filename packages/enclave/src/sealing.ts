import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concatBytes, equalBytes } from '@alcove/bytes'
import { AttributeFlag, type Attributes, KeyName, KeyPolicy, type KeyRequest } from '@alcove/sgx'
import { EnclaveError } from './enclave-error.ts'
import type { EnclaveIdentity, EnclavePlatform } from './platform.ts'
import {
  encodeSealedHeader,
  kssPolicy,
  parseSealedBlob,
  type SealedBlob,
  type SealedHeader,
} from './sealed-blob.ts'

/** Who can unseal: `mrenclave`, this very program; `mrsigner`, every program of its signer with its ISVPRODID. */
export type SealPolicy = 'mrenclave' | 'mrsigner'

export interface SealOptions {
  readonly policy: SealPolicy
  /** Stands in the blob for all to read, and cannot be changed; at most 64 KiB. */
  readonly additionalData?: Uint8Array | undefined
}

export interface Unsealed {
  readonly plaintext: Uint8Array
  readonly additionalData: Uint8Array
  readonly policy: SealPolicy
  /** Of the enclave that sealed it; at most this enclave's. */
  readonly isvSvn: number
}

type SealingPlatform = Pick<EnclavePlatform, 'identity' | 'kind' | 'keySource' | 'getKey'>

/** A debug enclave, or one that may have provisioning keys, is another one; one with more processor state to save is not. */
const boundAttributes: Attributes = {
  flags:
    AttributeFlag.init |
    AttributeFlag.debug |
    AttributeFlag.mode64 |
    AttributeFlag.provisionKey |
    AttributeFlag.einitTokenKey |
    AttributeFlag.kss,
  xfrm: 0n,
}
const cipher = 'aes-128-gcm'
/** Each key encrypts one blob, so its nonce needs not differ from any other. */
const nonce = new Uint8Array(12)

/**
 * Encrypts so that only this enclave, or its signer's, on this machine, can decrypt: AES-128-GCM under a SEAL key of the
 * blob's own, which its random KEYID makes.
 *
 * @param random gives that many bytes that nobody else can foresee
 * @throws {EnclaveError} `ERR_ENCLAVE_UNSUPPORTED` where the platform has no sealing keys
 * @throws {FormatError} `ERR_FORMAT_VALUE` for more than 64 MiB, or 64 KiB of additional data
 * @see docs/formats/sealed-blob.md
 */
export async function seal(
  platform: SealingPlatform,
  random: (bytes: number) => Uint8Array,
  plaintext: Uint8Array,
  { policy, additionalData = new Uint8Array() }: SealOptions,
): Promise<Uint8Array> {
  const { identity, keySource } = platform
  const { isvSvn, cpuSvn, configSvn, isvProdId } = identity
  const request: KeyRequest = {
    keyName: KeyName.seal,
    keyPolicy: keyPolicyOf(policy, platform),
    isvSvn,
    cpuSvn,
    attributeMask: boundAttributes,
    keyId: random(32),
    miscMask: 0,
    configSvn,
  }
  const sealer = policy === 'mrenclave' ? identity.mrEnclave : identity.mrSigner
  const fields = { keySource, request, isvProdId, sealer, additionalData }
  const header = encodeSealedHeader(fields, plaintext.byteLength)
  const key = await platform.getKey(request)
  try {
    const gcm = createCipheriv(cipher, key, nonce).setAAD(header)
    return concatBytes(header, gcm.update(plaintext), gcm.final(), gcm.getAuthTag())
  } finally {
    key.fill(0)
  }
}

/**
 * Decrypts what `seal` made, here or in an earlier version of the program.
 *
 * @throws {FormatError} for bytes that are no sealed blob
 * @throws {EnclaveError} `ERR_ENCLAVE_SEALED_ELSEWHERE`, `ERR_ENCLAVE_SEALED_BY_NEWER`, `ERR_ENCLAVE_UNSEAL`,
 *   `ERR_ENCLAVE_KEY_REFUSED`, `ERR_ENCLAVE_UNSUPPORTED`
 */
export async function unseal(platform: SealingPlatform, bytes: Uint8Array): Promise<Unsealed> {
  const blob = parseSealedBlob(Uint8Array.from(bytes))
  requireSealer(platform, blob)
  requireReached(platform.identity, blob.request)
  const key = await keyOf(platform, blob.request)
  try {
    const plaintext = decrypt(key, blob)
    const { additionalData, request } = blob
    return { plaintext, additionalData, policy: policyOf(blob), isvSvn: request.isvSvn }
  } finally {
    key.fill(0)
  }
}

function keyPolicyOf(policy: SealPolicy, platform: SealingPlatform): number {
  const bit = policy === 'mrenclave' ? KeyPolicy.mrEnclave : KeyPolicy.mrSigner
  return bit | kssPolicyOf(platform)
}

/** An enclave with KSS is its CONFIGID too: what it runs may follow from that. A fixed key's policy is not ours to choose. */
function kssPolicyOf({ identity, keySource }: SealingPlatform): number {
  const hasKss = (identity.attributes.flags & AttributeFlag.kss) !== 0n
  return hasKss && keySource === 'egetkey' ? kssPolicy : 0
}

function policyOf({ request }: SealedHeader): SealPolicy {
  return (request.keyPolicy & KeyPolicy.mrEnclave) === 0 ? 'mrsigner' : 'mrenclave'
}

function requireSealer(platform: SealingPlatform, blob: SealedBlob): void {
  const { identity, kind, keySource } = platform
  if (blob.keySource !== keySource) {
    throw elsewhere(
      `its key is ${blob.keySource === 'fixed' ? "derived from Gramine's" : "EGETKEY's own"}, and ${kind} has no such keys; unseal it where it was sealed`,
    )
  }
  const policy = policyOf(blob)
  const own = policy === 'mrenclave' ? identity.mrEnclave : identity.mrSigner
  if (!equalBytes(blob.sealer, own)) {
    const remedy =
      policy === 'mrenclave'
        ? 'unseal it with that very program, and seal under policy mrsigner what a changed program shall read'
        : 'unseal it with a program of that signer'
    throw elsewhere(
      `sealed under policy ${policy} by ${blob.sealer.toHex()}, and this enclave's is ${own.toHex()}; ${remedy}`,
    )
  }
  if (blob.isvProdId !== identity.isvProdId) {
    throw elsewhere(
      `sealed by ISVPRODID ${blob.isvProdId}, and this enclave has ${identity.isvProdId}; unseal it with that product of the signer`,
    )
  }
  const blobKss = blob.request.keyPolicy & kssPolicy
  if (blobKss !== kssPolicyOf(platform)) {
    const [had, has] = blobKss === 0 ? ['none', 'it'] : ['it', 'none']
    throw elsewhere(
      `of KSS its sealer had ${had}, and this enclave has ${has}; unseal it with a build like the sealer's`,
    )
  }
}

/** SVNs only rise: who can show no higher one does not get what a fixed program wrote. */
function requireReached(identity: EnclaveIdentity, request: KeyRequest): void {
  const higher = (['isvSvn', 'configSvn'] as const).find(svn => request[svn] > identity[svn])
  if (higher === undefined) return
  throw byNewer(
    `${higher.toUpperCase()} ${request[higher]}, and this enclave has ${identity[higher]}`,
  )
}

async function keyOf(platform: SealingPlatform, request: KeyRequest): Promise<Uint8Array> {
  try {
    return await platform.getKey(request)
  } catch (cause) {
    const own = platform.identity.cpuSvn
    const isRefused = cause instanceof EnclaveError && cause.code === 'ERR_ENCLAVE_KEY_REFUSED'
    if (!isRefused || platform.keySource !== 'egetkey' || equalBytes(request.cpuSvn, own))
      throw cause
    const svns = `CPUSVN ${request.cpuSvn.toHex()}, and this machine has ${own.toHex()}`
    throw byNewer(svns, { cause })
  }
}

function decrypt(key: Uint8Array, { authenticated, ciphertext, tag }: SealedBlob): Uint8Array {
  const gcm = createDecipheriv(cipher, key, nonce, { authTagLength: tag.byteLength })
  gcm.setAAD(authenticated).setAuthTag(tag)
  const plaintext = gcm.update(ciphertext)
  try {
    return concatBytes(plaintext, gcm.final())
  } catch (cause) {
    plaintext.fill(0)
    const message =
      'this sealed blob does not open here: it was changed, or sealed on another machine (keys never leave one), or by an enclave with DEBUG where this has none, or of another CONFIGID; restore it from where it was written, or seal it anew'
    throw new EnclaveError('ERR_ENCLAVE_UNSEAL', message, { cause })
  }
}

function elsewhere(detail: string): EnclaveError {
  return new EnclaveError(
    'ERR_ENCLAVE_SEALED_ELSEWHERE',
    `this blob is not this enclave's: ${detail}`,
  )
}

function byNewer(svns: string, options?: ErrorOptions): EnclaveError {
  const message = `this blob was sealed by a newer version: ${svns}; what is newer reads what is older, never the reverse: run that version, or a newer one`
  return new EnclaveError('ERR_ENCLAVE_SEALED_BY_NEWER', message, options)
}
