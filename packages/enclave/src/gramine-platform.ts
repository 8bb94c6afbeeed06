import { hkdfSync } from 'node:crypto'
import { trimQuote } from '@alcove/aesm'
import { equalBytes } from '@alcove/bytes'
import { KeyName, KeyPolicy, type KeyRequest } from '@alcove/sgx'
import type { AttestationFiles } from './attestation-files.ts'
import { EnclaveError } from './enclave-error.ts'
import { type EnclaveIdentity, type EnclavePlatform, identityFrom } from './platform.ts'

const keyBytes = 16
/** Says what the derived key is for, so that whoever else derives from Gramine's key gets another one. */
const sealingInfo = 'alcove sealed blob, version 1'

/**
 * The enclave that Gramine runs this program in. Gramine's files hold what was written to them until it is written again, and
 * are shared by the whole process, so that one operation at a time uses them; nothing else in the program may write them.
 *
 * @param attestationType what the file of this name says
 * @throws {EnclaveError} `ERR_ENCLAVE_ATTESTATION_FILE`
 * @see Gramine, Documentation/attestation.rst, "Low-level /dev/attestation interface"; libos/src/fs/dev/attestation.c
 */
export async function openGraminePlatform(
  files: AttestationFiles,
  attestationType: string,
): Promise<EnclavePlatform> {
  const oneAtATime = queue()
  const report = (targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array> =>
    oneAtATime(async () => {
      await write(files, 'target_info', targetInfo)
      await write(files, 'user_report_data', reportData)
      return read(files, 'report')
    })
  const identity = await identityFrom(report)
  return {
    kind: 'gramine',
    keySource: 'fixed',
    identity,
    report,
    quote: async reportData => {
      requireDcap(attestationType)
      return oneAtATime(async () => {
        await write(files, 'user_report_data', reportData)
        return trimQuote(await read(files, 'quote'))
      })
    },
    getKey: request => sealingKey(files, identity, request),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/**
 * Gramine asks for its sealing keys with KEYID zero and the SVNs of now, once, and hands out the results; the key of a blob is
 * derived from that of its policy by HKDF (RFC 5869) with SHA-256, KEYID as the salt.
 *
 * @see Gramine, pal/src/host/linux-sgx/enclave_framework.c, sgx_get_seal_key
 */
async function sealingKey(
  files: AttestationFiles,
  identity: EnclaveIdentity,
  request: KeyRequest,
): Promise<Uint8Array> {
  if (request.keyName !== KeyName.seal) {
    throw new EnclaveError(
      'ERR_ENCLAVE_UNSUPPORTED',
      `Gramine gives its program no key of key name ${request.keyName}, so it cannot check a REPORT: have the peer prove itself by a quote, or have a peer outside Gramine check this enclave's REPORT`,
    )
  }
  requireCurrent(identity, request)
  const name = gramineKeyName(request)
  const key = await read(files, `keys/${name}`)
  if (key.byteLength !== keyBytes) {
    throw fileError(`keys/${name}`, `${key.byteLength} bytes, want ${keyBytes}`)
  }
  try {
    return new Uint8Array(hkdfSync('sha256', key, request.keyId, sealingInfo, keyBytes))
  } finally {
    key.fill(0)
  }
}

function gramineKeyName({ keyPolicy }: KeyRequest): string {
  if (keyPolicy === KeyPolicy.mrEnclave) return '_sgx_mrenclave'
  if (keyPolicy === KeyPolicy.mrSigner) return '_sgx_mrsigner'
  throw new EnclaveError(
    'ERR_ENCLAVE_KEY_REFUSED',
    `Gramine has sealing keys of policy MRENCLAVE (1) and MRSIGNER (2), none of 0x${keyPolicy.toString(16)}: unseal where it was sealed`,
  )
}

function requireCurrent({ isvSvn, cpuSvn, configSvn }: EnclaveIdentity, request: KeyRequest): void {
  if (
    request.isvSvn === isvSvn &&
    request.configSvn === configSvn &&
    equalBytes(request.cpuSvn, cpuSvn)
  )
    return
  throw new EnclaveError(
    'ERR_ENCLAVE_KEY_REFUSED',
    `Gramine has the sealing keys of its own SVNs only: asked for ISVSVN ${request.isvSvn}, CPUSVN ${request.cpuSvn.toHex()}, it has ${isvSvn}, ${cpuSvn.toHex()}; before an update, unseal with the version that sealed, and hand the content over`,
  )
}

function requireDcap(attestationType: string): void {
  if (attestationType === 'dcap') return
  throw new EnclaveError(
    'ERR_ENCLAVE_UNSUPPORTED',
    `no quotes: this enclave's attestation type is '${attestationType}'; set sgx.remote_attestation = "dcap" in its Gramine manifest, and sign it again`,
  )
}

async function read(files: AttestationFiles, name: string): Promise<Uint8Array> {
  const content = await files.read(name).catch((cause: unknown) => {
    throw fileError(name, reasonOf(cause), { cause })
  })
  if (content === undefined) throw fileError(name, 'no such file')
  return content
}

async function write(files: AttestationFiles, name: string, content: Uint8Array): Promise<void> {
  await files.write(name, content).catch((cause: unknown) => {
    throw fileError(name, reasonOf(cause), { cause })
  })
}

function fileError(name: string, reason: string, options?: ErrorOptions): EnclaveError {
  const remedy =
    name === 'quote'
      ? 'see that the node has a quote helper, and that /var/run/aesmd of the node is mounted'
      : 'see that the program runs under gramine-sgx, with sgx.remote_attestation in its manifest'
  const message = `/dev/attestation/${name}: ${reason}; ${remedy}`
  return new EnclaveError('ERR_ENCLAVE_ATTESTATION_FILE', message, options)
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Runs what it is given one after the other, each whether or not the one before failed. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const result = last.then(work, work)
    last = result
    return result
  }
}
