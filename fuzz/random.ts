/** Numbers that look like chance, the same for the same seed: xorshift over 32 bits (Marsaglia 2003). */
export class Random {
  #state: number

  constructor(seed: number) {
    // Zero is the one state that does not move; neighbouring seeds are spread first.
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) | 1
    for (let round = 0; round < 4; round++) this.below(2)
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % limit
  }

  /** One of `values`, of which there is at least one. */
  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value
  }

  /** True once in so many times. */
  once(in_: number): boolean {
    return this.below(in_) === 0
  }
}
