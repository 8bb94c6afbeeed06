import { CodedError } from '@alcove/bytes'

export type SgxErrorCode =
  | 'ERR_SGX_MEASUREMENT_ORDER'
  | 'ERR_SGX_MEASUREMENT_ALIGNMENT'
  | 'ERR_SGX_MEASUREMENT_RANGE'
  | 'ERR_SGX_SIGSTRUCT_SIGNATURE'

/** A well-formed structure, or a step in building an enclave, that the processor would refuse. Never retryable. */
export class SgxError extends CodedError<SgxErrorCode> {
  /** Offset of the page or chunk from the start of the enclave, in bytes, where one is at fault. */
  readonly enclaveOffset: bigint | undefined

  constructor(code: SgxErrorCode, message: string, enclaveOffset?: bigint, options?: ErrorOptions) {
    super(code, message, options)
    this.enclaveOffset = enclaveOffset
  }
}
