import { CodedError } from '@alcove/bytes'

/** Stored certificates of the simulated PKI cannot be used with this seed. */
export class PcsError extends CodedError<'ERR_SIMULATOR_AUTHORITIES'> {
  /** Which of the stored certificates. */
  readonly authority: string

  constructor(authority: string, detail: string, options?: ErrorOptions) {
    super(
      'ERR_SIMULATOR_AUTHORITIES',
      `stored certificate '${authority}' of the simulated PKI ${detail}: remove the stored authorities to have new ones issued`,
      options,
    )
    this.authority = authority
  }
}
