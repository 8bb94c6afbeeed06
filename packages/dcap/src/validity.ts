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
  /** Which part that is. */
  readonly earliestItem: string
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

/** When things are valid. Asked at any time, it answers from their dates. */
export class Validity {
  readonly #items: readonly ValidityFinding[]
  readonly #latestStart: number
  readonly #earliestEnd: number
  readonly #earliestItem: string

  constructor(items: readonly ValidityFinding[]) {
    this.#items = items
    let latestStart = Number.NEGATIVE_INFINITY
    let earliestEnd = Number.POSITIVE_INFINITY
    let earliestItem = ''
    for (const { item, notBefore, notAfter } of items) {
      latestStart = Math.max(latestStart, notBefore.getTime())
      if (notAfter.getTime() >= earliestEnd) continue
      earliestEnd = notAfter.getTime()
      earliestItem = item
    }
    this.#latestStart = latestStart
    this.#earliestEnd = earliestEnd
    this.#earliestItem = earliestItem
  }

  /**
   * What is out of its time at `at`. Both limits are inclusive: an item is valid on its first and on its last second.
   *
   * @throws {RangeError} for an `at` that is no time
   */
  at(at: Date): Freshness {
    const time = at.getTime()
    // Nothing compares with an invalid date, so everything would pass as fresh.
    if (Number.isNaN(time)) throw new RangeError('the time to verify at is not a time')
    const earliestExpiry = new Date(this.#earliestEnd)
    const earliestItem = this.#earliestItem
    if (time >= this.#latestStart && time <= this.#earliestEnd) {
      return { expired: [], notYetValid: [], earliestExpiry, earliestItem }
    }
    return {
      expired: this.#items.filter(({ notAfter }) => time > notAfter.getTime()).map(copy),
      notYetValid: this.#items.filter(({ notBefore }) => time < notBefore.getTime()).map(copy),
      earliestExpiry,
      earliestItem,
    }
  }
}

/** What is given out is not what the next answer is made from. */
function copy({ item, notBefore, notAfter }: ValidityFinding): ValidityFinding {
  return { item, notBefore: new Date(notBefore), notAfter: new Date(notAfter) }
}
