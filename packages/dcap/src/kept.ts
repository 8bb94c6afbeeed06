/** At most so many values by number; for one more, that which was used longest ago is dropped. */
export class Kept<Value> {
  readonly #limit: number
  /** A map keeps the order of insertion: the first is the one to drop. */
  readonly #values = new Map<number, Value>()
  #newest: number | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The value of this number, if it is the one that is meant: numbers are not unique. */
  get(key: number, isMeant: (value: Value) => boolean): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined || !isMeant(value)) return undefined
    if (key !== this.#newest) {
      this.#values.delete(key)
      this.#values.set(key, value)
      this.#newest = key
    }
    return value
  }

  /** @param value what to keep; not made where nothing is kept */
  set(key: number, value: () => Value): void {
    if (this.#limit === 0) return
    this.#values.delete(key)
    this.#values.set(key, value())
    this.#newest = key
    if (this.#values.size <= this.#limit) return
    const [oldest] = this.#values.keys()
    if (oldest !== undefined) this.#values.delete(oldest)
  }
}
