import { parseTargetInfo, type ReportBody } from '@alcove/sgx'
import { verifyReport } from './local-attestation.ts'
import {
  type EnclaveIdentity,
  type EnclavePlatform,
  type PlatformKind,
  reportDataBytes,
  targetInfoOf,
} from './platform.ts'
import { type SealOptions, seal, type Unsealed, unseal } from './sealing.ts'

/** This program as an enclave. */
export interface Enclave extends AsyncDisposable {
  /** What runs the enclave. A program may say so; it should not behave otherwise for it. */
  readonly platform: PlatformKind
  readonly identity: EnclaveIdentity
  /** 32 bytes: what was loaded, page by page. */
  readonly mrEnclave: Uint8Array
  /** 32 bytes: who signed it. */
  readonly mrSigner: Uint8Array
  /** 512 bytes, public: with what another enclave on this machine makes a REPORT for this one. */
  readonly targetInfo: Uint8Array
  /**
   * A REPORT (432 bytes) for the enclave that `targetInfo` (512 bytes) names, on this machine.
   *
   * @param reportData up to 64 bytes of the caller's own, zero-padded
   * @throws {FormatError} for a TARGETINFO of another length
   */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>
  /**
   * Who made a REPORT for this enclave, and what it says.
   *
   * @throws {EnclaveError} `ERR_ENCLAVE_REPORT_MAC` unless an enclave on this machine made it for this one;
   *   `ERR_ENCLAVE_UNSUPPORTED` under Gramine
   */
  verifyReport(report: Uint8Array): Promise<ReportBody>
  /**
   * A quote over `reportData`, made by the node's quote helper over AESM.
   *
   * @param reportData up to 64 bytes of the caller's own, zero-padded
   * @throws {AesmError} with what the helper answered; {AesmTransportError} that it cannot be reached; under Gramine
   *   {EnclaveError} `ERR_ENCLAVE_ATTESTATION_FILE`, `ERR_ENCLAVE_UNSUPPORTED`
   */
  quote(reportData: Uint8Array): Promise<Uint8Array>
  /**
   * Encrypts so that only this program (policy `mrenclave`), or its signer's (`mrsigner`), can decrypt, on this machine.
   * Whoever keeps the blob can still give back an older one: it has no memory of which was the last.
   */
  seal(plaintext: Uint8Array, options: SealOptions): Promise<Uint8Array>
  /** @throws {FormatError} not a sealed blob; {EnclaveError} not for this enclave, not at its SVNs, or changed */
  unseal(blob: Uint8Array): Promise<Unsealed>
}

/** @param random gives that many bytes that nobody else can foresee */
export function enclaveOn(
  platform: EnclavePlatform,
  random: (bytes: number) => Uint8Array,
): Enclave {
  const { identity } = platform
  return {
    platform: platform.kind,
    identity,
    mrEnclave: identity.mrEnclave,
    mrSigner: identity.mrSigner,
    targetInfo: targetInfoOf(identity),
    report: async (target, data) => {
      parseTargetInfo(target) // Gramine pads what is short, and would make a REPORT for nobody
      return platform.report(target, paddedReportData(data))
    },
    verifyReport: report => verifyReport(platform, report),
    quote: async data => platform.quote(paddedReportData(data)),
    seal: (plaintext, options) => seal(platform, random, plaintext, options),
    unseal: blob => unseal(platform, blob),
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  }
}

function paddedReportData(reportData: Uint8Array): Uint8Array {
  if (reportData.byteLength > reportDataBytes) {
    throw new RangeError(`report data: ${reportData.byteLength} bytes, at most ${reportDataBytes}`)
  }
  const padded = new Uint8Array(reportDataBytes)
  padded.set(reportData)
  return padded
}
