import { encodeTargetInfo, type KeyRequest, parseReport, type ReportBody } from '@alcove/sgx'

/** What the processor says of an enclave in each of its REPORTs. */
export type EnclaveIdentity = Omit<ReportBody, 'reportData'>

export type PlatformKind = 'simulator' | 'gramine' | 'aesm'

/**
 * Where a sealing key comes from: `egetkey`, one for each KEYREQUEST; `fixed`, one for each policy, handed over by who runs the
 * enclave, so that the key of a blob is derived from it, and one of other SVNs cannot be had.
 */
export type KeySource = 'egetkey' | 'fixed'

/**
 * What a program needs of whatever runs it as an enclave; all else in this package is made of these. What a platform
 * cannot do it refuses with `ERR_ENCLAVE_UNSUPPORTED`, saying what can.
 */
export interface EnclavePlatform extends AsyncDisposable {
  readonly kind: PlatformKind
  readonly identity: EnclaveIdentity
  readonly keySource: KeySource
  /** EREPORT: 432 bytes, for a TARGETINFO of 512 bytes, with 64 bytes of report data. */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>
  /** A quote with 64 bytes of report data, without padding. */
  quote(reportData: Uint8Array): Promise<Uint8Array>
  /** EGETKEY: 16 bytes. @throws {EnclaveError} `ERR_ENCLAVE_KEY_REFUSED`, `ERR_ENCLAVE_UNSUPPORTED` */
  getKey(request: KeyRequest): Promise<Uint8Array>
}

export const targetInfoBytes = 512
export const reportDataBytes = 64

/** An enclave learns who it is from its own REPORT; for whom that was made does not matter. */
export async function identityFrom(report: EnclavePlatform['report']): Promise<EnclaveIdentity> {
  const forNobody = new Uint8Array(targetInfoBytes)
  const { reportData: _, ...identity } = parseReport(
    await report(forNobody, new Uint8Array(reportDataBytes)),
  ).body
  return identity
}

/** 512 bytes: with what another enclave makes a REPORT that the one with this identity can check. */
export function targetInfoOf(identity: EnclaveIdentity): Uint8Array {
  return encodeTargetInfo(identity)
}
