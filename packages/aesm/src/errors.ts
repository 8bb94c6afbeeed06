import { CodedError } from '@alcove/bytes'
import { describeAesmCode } from './error-code.ts'

/** Every code of this package. */
export type AesmErrorCode =
  | 'ERR_AESM_ANSWER'
  | 'ERR_AESM_MESSAGE'
  | AesmSocketErrorCode
  | AesmTransportErrorCode

/**
 * An AESM error number, as an answer carries it. A quoting back end throws it to have that
 * number answered; a client throws it when it was answered one.
 */
export class AesmError extends CodedError<'ERR_AESM_ANSWER'> {
  /** `aesm_error_t`: 42 for ATT_KEY_NOT_INITIALIZED. */
  readonly errorCode: number
  readonly errorName: string
  readonly remedy: string

  constructor(errorCode: number, detail?: string, options?: ErrorOptions) {
    const { name, remedy } = describeAesmCode(errorCode)
    const cause = detail === undefined ? '' : ` (${detail})`
    super('ERR_AESM_ANSWER', `AESM error ${errorCode} ${name}${cause}. ${remedy}`, options)
    this.errorCode = errorCode
    this.errorName = name
    this.remedy = remedy
  }
}

export type AesmSocketErrorCode =
  | 'ERR_AESM_SOCKET_BUSY'
  | 'ERR_AESM_SOCKET_NOT_A_SOCKET'
  | 'ERR_AESM_SOCKET_PATH_TOO_LONG'
  | 'ERR_AESM_SOCKET_BIND'

/** A socket cannot be bound at, or named by, its path. */
export class AesmSocketError extends CodedError<AesmSocketErrorCode> {
  readonly path: string

  constructor(code: AesmSocketErrorCode, path: string, detail: string, options?: ErrorOptions) {
    super(code, `${path}: ${detail}`, options)
    this.path = path
  }
}

export type AesmTransportErrorCode =
  | 'ERR_AESM_UNREACHABLE'
  | 'ERR_AESM_TIMEOUT'
  | 'ERR_AESM_NO_ANSWER'
  | 'ERR_AESM_REPLY'

/** A call got no answer, or one that is not the protocol's. */
export class AesmTransportError extends CodedError<AesmTransportErrorCode> {
  readonly path: string

  constructor(code: AesmTransportErrorCode, path: string, detail: string, options?: ErrorOptions) {
    super(code, `${path}: ${detail}`, options)
    this.path = path
  }
}
