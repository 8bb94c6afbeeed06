import { CodedError } from '@alcove/bytes'

export type EnclaveErrorCode =
  | 'ERR_ENCLAVE_NO_DEVICE'
  | 'ERR_ENCLAVE_NO_PLATFORM'
  | 'ERR_ENCLAVE_OUT_OF_EPC'

/** The program cannot become an enclave here; the message names what is missing and what to do. */
export class EnclaveError extends CodedError<EnclaveErrorCode> {}
