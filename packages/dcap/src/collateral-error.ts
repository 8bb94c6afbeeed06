import { CodedError, FormatError } from '@alcove/bytes'

export type CollateralErrorCode =
  | 'ERR_COLLATERAL_FORMAT'
  | 'ERR_COLLATERAL_VALUE'
  | 'ERR_COLLATERAL_TOO_LARGE'

/** Collateral that cannot be read, as opposed to collateral that does not verify. */
export class CollateralError extends CodedError<CollateralErrorCode> {
  /** Dotted path of the part: `tcbInfo.tcbLevels.3.tcbStatus`, `pckCrl.sequence`. */
  readonly field: string

  constructor(code: CollateralErrorCode, field: string, detail: string, options?: ErrorOptions) {
    super(code, `${field}: ${detail}`, options)
    this.field = field
  }
}

/** What `read` answers; bytes or PEM text that it finds malformed are the collateral's fault from here on. */
export function inCollateral<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const detail = error.message.slice(error.field.length + 1)
    throw new CollateralError('ERR_COLLATERAL_FORMAT', error.field, detail, { cause: error })
  }
}
