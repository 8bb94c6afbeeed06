import { CodedError } from './coded-error.ts'

export type FormatErrorCode = 'ERR_FORMAT_TRUNCATED' | 'ERR_FORMAT_TRAILING' | 'ERR_FORMAT_VALUE'

/** Input bytes, or a value to be encoded, do not have the shape that the format requires. Never retryable. */
export class FormatError extends CodedError<FormatErrorCode> {
  /** Dotted path of the field, as in the layout table: `quote.header.qeSvn`. */
  readonly field: string
  /** Offset of the field from the start of the outermost input, in bytes. */
  readonly offset: number

  constructor(code: FormatErrorCode, field: string, offset: number, detail: string) {
    super(code, `${field} at 0x${offset.toString(16)}: ${detail}`)
    this.field = field
    this.offset = offset
  }
}
