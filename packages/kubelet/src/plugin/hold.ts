const FIRST_MS = 20
const LONGEST_MS = 10_000

/** Says whether the next attempt must still wait; exponential over the attempts since the last `reset`. */
export class Hold {
  readonly #onOver: () => void
  #attempts = 0
  #timer: NodeJS.Timeout | undefined

  constructor(onOver: () => void) {
    this.#onOver = onOver
  }

  get holding(): boolean {
    return this.#timer !== undefined
  }

  /** Holds for `ms`. */
  for(ms: number): void {
    this.release()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#onOver()
    }, ms)
  }

  /** Holds for the next of 20, 40, 80 … 10,000 ms, but for `leastMs` at least; returns how long. */
  backOff(leastMs = 0): number {
    const ms = Math.max(leastMs, Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempts))
    this.#attempts += 1
    this.for(ms)
    return ms
  }

  release(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** The circumstances are new: no wait, and the next one is short again. */
  reset(): void {
    this.release()
    this.#attempts = 0
  }

  /** The last attempt was a success that lasts. */
  forget(): void {
    this.#attempts = 0
  }
}
