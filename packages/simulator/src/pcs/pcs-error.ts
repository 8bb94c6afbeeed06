import { CodedError } from '@alcove/bytes'

/** Stored certificates of the simulated PKI cannot be used with this seed. */
export class PcsError extends CodedError<'ERR_SIMULATOR_AUTHORITIES'> {
  /** Which of the stored certificates; `all` where the whole of them is malformed. */
  readonly authority: string

  constructor(authority: string, detail: string, options?: ErrorOptions) {
    super(
      'ERR_SIMULATOR_AUTHORITIES',
      `stored authorities of the simulated PKI, ${authority}: ${detail}; remove them to have new ones issued`,
      options,
    )
    this.authority = authority
  }
}
