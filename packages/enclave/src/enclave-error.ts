import { CodedError } from '@alcove/bytes'

export type EnclaveErrorCode =
  | 'ERR_ENCLAVE_ATTESTATION_FILE'
  | 'ERR_ENCLAVE_DEVICE_REFUSED'
  | 'ERR_ENCLAVE_KEY_REFUSED'
  | 'ERR_ENCLAVE_NO_DEVICE'
  | 'ERR_ENCLAVE_NO_PLATFORM'
  | 'ERR_ENCLAVE_OUT_OF_EPC'
  | 'ERR_ENCLAVE_REPORT_MAC'
  | 'ERR_ENCLAVE_SEALED_BY_NEWER'
  | 'ERR_ENCLAVE_SEALED_ELSEWHERE'
  | 'ERR_ENCLAVE_UNSEAL'
  | 'ERR_ENCLAVE_UNSUPPORTED'

/** What an enclave cannot do here, or does not believe; the message names what is missing and what to do. */
export class EnclaveError extends CodedError<EnclaveErrorCode> {}
