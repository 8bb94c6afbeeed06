import { CodedError } from '@alcove/bytes'

/** A message's bytes are not what the protocol requires. Intel's daemon drops the connection on such a request. */
export class AesmMessageError extends CodedError<'ERR_AESM_MESSAGE'> {
  /** The message or field at fault, as in the protocol: `aesm.message.Request.GetQuoteEx.report`. */
  readonly field: string

  constructor(field: string, detail: string, options?: ErrorOptions) {
    super('ERR_AESM_MESSAGE', `${field}: ${detail}`, options)
    this.field = field
  }
}
