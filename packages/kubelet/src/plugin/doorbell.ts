/** Lets one loop sleep until something has happened or a time is over. A ring while nobody waits is kept for the next wait. */
export class Doorbell {
  #rung = false
  #answer: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#answer?.()
  }

  async wait(timeoutMs: number): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, timeoutMs)
      this.#answer = resolve
      await promise
      clearTimeout(timer)
    }
    this.#answer = undefined
    this.#rung = false
  }
}
