import { CodedError } from '@alcove/bytes'

/** The names after `ERR_VERIFY_` are those of Intel's quote verification library, where it has one. */
export type VerifyErrorCode =
  | 'ERR_VERIFY_UNSUPPORTED_QUOTE_FORMAT'
  | 'ERR_VERIFY_CERTIFICATION_DATA_UNSUPPORTED'
  | 'ERR_VERIFY_PCK_CERT_CHAIN_ERROR'
  | 'ERR_VERIFY_ROOT_CA_INVALID'
  | 'ERR_VERIFY_UNTRUSTED_ROOT'
  | 'ERR_VERIFY_INTERMEDIATE_CA_INVALID_ISSUER'
  | 'ERR_VERIFY_PCK_INVALID_ISSUER'
  | 'ERR_VERIFY_CRL_UNKNOWN_ISSUER'
  | 'ERR_VERIFY_CRL_INVALID_EXTENSIONS'
  | 'ERR_VERIFY_CRL_INVALID_SIGNATURE'
  | 'ERR_VERIFY_INTERMEDIATE_CA_REVOKED'
  | 'ERR_VERIFY_PCK_REVOKED'
  | 'ERR_VERIFY_TCB_SIGNING_CERT_INVALID_ISSUER'
  | 'ERR_VERIFY_TCB_SIGNING_CERT_REVOKED'
  | 'ERR_VERIFY_TCB_INFO_INVALID_SIGNATURE'
  | 'ERR_VERIFY_TCB_INFO_MISMATCH'
  | 'ERR_VERIFY_TDX_MODULE_MISMATCH'
  | 'ERR_VERIFY_ENCLAVE_IDENTITY_INVALID_SIGNATURE'
  | 'ERR_VERIFY_QE_IDENTITY_MISMATCH'
  | 'ERR_VERIFY_INVALID_QE_REPORT_SIGNATURE'
  | 'ERR_VERIFY_INVALID_QE_REPORT_DATA'
  | 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE'
  | 'ERR_VERIFY_TCB_NOT_SUPPORTED'

/** What the check compared, by name: serial numbers, FMSPCs, common names; never keys or whole quotes. */
export type VerifyFacts = Readonly<Record<string, string | number>>

/** A well-formed quote that is not to be believed with this collateral under these roots. Never retryable with the same input. */
export class VerifyError extends CodedError<VerifyErrorCode> {
  readonly facts: VerifyFacts

  constructor(code: VerifyErrorCode, message: string, facts: VerifyFacts = {}) {
    super(code, message)
    this.facts = facts
  }
}
