import type { Certificate } from './certificate.ts'

/** A part of the evidence or collateral that is good for a time. */
export interface ValidityFinding {
  /** `pck-chain: Intel SGX PCK Platform CA`, `root-ca-crl`, `tcb-info`, … */
  readonly item: string
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface Freshness {
  readonly expired: readonly ValidityFinding[]
  readonly notYetValid: readonly ValidityFinding[]
  /** When the first part ends to be valid, or ended. */
  readonly earliestExpiry: Date
}

/** Each certificate of a chain, as an item of its own. */
export function certificateItems(
  chain: string,
  certificates: readonly Certificate[],
): ValidityFinding[] {
  return certificates.map(({ subject, notBefore, notAfter }) => ({
    item: `${chain}: ${subject.commonName}`,
    notBefore,
    notAfter,
  }))
}

/**
 * What is out of its time at `at`. Both limits are inclusive: an item is valid on its first and on its last second.
 *
 * @throws {RangeError} for an `at` that is no time
 */
export function freshnessAt(items: readonly ValidityFinding[], at: Date): Freshness {
  // Nothing compares with an invalid date, so everything would pass as fresh.
  if (Number.isNaN(at.getTime())) throw new RangeError('the time to verify at is not a time')
  return {
    expired: items.filter(({ notAfter }) => at > notAfter),
    notYetValid: items.filter(({ notBefore }) => at < notBefore),
    earliestExpiry: new Date(Math.min(...items.map(({ notAfter }) => notAfter.getTime()))),
  }
}
