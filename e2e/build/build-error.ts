import { CodedError } from '@alcove/bytes'

export type BuildErrorCode = 'ERR_E2E_GO' | 'ERR_E2E_RELEASE' | 'ERR_E2E_INSTALL'

/** A part of the cluster could not be built, or what building needs could not be installed. */
export class BuildError extends CodedError<BuildErrorCode> {
  /** The last lines that the failed command wrote; empty where none ran. */
  readonly output: readonly string[]

  constructor(code: BuildErrorCode, message: string, output: readonly string[] = []) {
    super(code, output.length === 0 ? message : [message, ...output].join('\n  '))
    this.output = output
  }
}
