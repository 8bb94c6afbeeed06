import { hash } from 'node:crypto'
import { concatBytes, equalBytes } from '@alcove/bytes'
import type { Quote } from '@alcove/sgx'
import type { P256Key } from './p256.ts'
import type { PckCertificate } from './pck-certificate.ts'
import { differingField, type QeIdentity } from './qe-identity.ts'
import type { TcbInfo } from './tcb-info.ts'
import { VerifyError } from './verify-error.ts'

/** @throws {VerifyError} `ERR_VERIFY_TCB_INFO_MISMATCH` for TCB info of another TEE, FMSPC or PCE */
export function requireTcbInfoOfPlatform(
  tcbInfo: TcbInfo,
  { quote: { tee }, pck }: { readonly quote: Quote; readonly pck: PckCertificate },
): void {
  requireSame('TEE', tcbInfo.id, tee)
  requireSame('FMSPC', tcbInfo.fmspc, pck.fmspc)
  requireSame('PCEID', tcbInfo.pceId, pck.pceId)
}

function requireSame(what: string, found: string, wanted: string): void {
  if (found === wanted) return
  const message = `the TCB info is for ${what} ${found}, the quote is from ${what} ${wanted}`
  throw new VerifyError('ERR_VERIFY_TCB_INFO_MISMATCH', message, { field: what, found, wanted })
}

/** @throws {VerifyError} `ERR_VERIFY_INVALID_QE_REPORT_SIGNATURE` unless the PCK signed the QE's report */
export function requireQeReportSignature(quote: Quote, pck: PckCertificate): void {
  if (pck.key.verifiesRaw(quote.qeReportBytes, quote.qeReportSignature)) return
  const message = 'the signature of the QE report is not by the PCK certificate of the quote'
  throw new VerifyError('ERR_VERIFY_INVALID_QE_REPORT_SIGNATURE', message, { serial: pck.serial })
}

/** @throws {VerifyError} `ERR_VERIFY_INVALID_QE_REPORT_DATA` unless the QE's report names the attestation key */
export function requireAttestationKey(quote: Quote): void {
  const digest = hash('sha256', concatBytes(quote.attestationKey, quote.qeAuthData), 'buffer')
  // As in Intel's verifier, the second half of the report data is not looked at.
  if (equalBytes(digest, quote.qeReport.reportData.subarray(0, 32))) return
  const message = 'the QE report does not name the attestation key of the quote'
  throw new VerifyError('ERR_VERIFY_INVALID_QE_REPORT_DATA', message)
}

/** @throws {VerifyError} `ERR_VERIFY_QE_IDENTITY_MISMATCH` unless the QE is the one that Intel describes */
export function requireQeOfIdentity(quote: Quote, identity: QeIdentity): void {
  const field = differingField(quote.qeReport, identity)
  if (field === undefined) return
  const message = `the QE's ${field} is not what the QE identity says`
  throw new VerifyError('ERR_VERIFY_QE_IDENTITY_MISMATCH', message, { field })
}

/** @throws {VerifyError} `ERR_VERIFY_INVALID_QUOTE_SIGNATURE` unless the attestation key signed header and body */
export function requireQuoteSignature(quote: Quote, attestationKey: P256Key): void {
  if (attestationKey.verifiesRaw(quote.signedBytes, quote.signature)) return
  const message =
    'the signature of the quote is not by its attestation key: header or body was changed'
  throw new VerifyError('ERR_VERIFY_INVALID_QUOTE_SIGNATURE', message)
}
