import { keptNumber } from './kept-number.ts'

/** At most so many values by bytes; for one more, that which was used longest ago is dropped. */
export class Kept<Value> {
  readonly #limit: number
  /** By the number of their bytes. A map keeps the order of insertion: the first is the one to drop. */
  readonly #values = new Map<number, Value>()
  #newest: number | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The value of these bytes, if it is the one that is meant: others may have their number. */
  get(bytes: Uint8Array, isMeant: (value: Value) => boolean): Value | undefined {
    if (this.#limit === 0) return undefined
    const key = keptNumber(bytes)
    const value = this.#values.get(key)
    if (value === undefined || !isMeant(value)) return undefined
    if (key !== this.#newest) this.#put(key, value)
    return value
  }

  /** @param value what to keep; not made where nothing is kept */
  set(bytes: Uint8Array, value: () => Value): void {
    if (this.#limit === 0) return
    this.#put(keptNumber(bytes), value())
    if (this.#values.size <= this.#limit) return
    const [oldest] = this.#values.keys()
    if (oldest !== undefined) this.#values.delete(oldest)
  }

  #put(key: number, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    this.#newest = key
  }
}
