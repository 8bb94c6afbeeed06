import { abortable } from './abortable.ts'
import { AesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'

/**
 * Lets a few pieces of work run at once and a bounded number wait, first come first served.
 * Work that outlives its signal keeps its place until it really ends, so a back end that hangs
 * is never asked for more than it was asked for at once.
 */
export class QuotingQueue {
  readonly #waiting = new Set<() => void>()
  readonly #maxRunning: number
  readonly #maxWaiting: number
  #running = 0

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning
    this.#maxWaiting = maxWaiting
  }

  /** @throws {AesmError} 18 (BUSY) if too many wait; the signal's reason once it aborts */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#turn(signal)
    const running = (async () => await work(signal))()
    running
      .catch(() => undefined)
      .finally(() => {
        this.#running -= 1
        this.#wakeNext()
      })
    return await abortable(running, signal)
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.#maxRunning) {
      this.#running += 1
      return
    }
    if (this.#waiting.size >= this.#maxWaiting) {
      throw new AesmError(AesmCode.busy, `${this.#waiting.size} requests are waiting`)
    }
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        this.#running += 1
        resolve()
      }
      this.#waiting.add(wake)
      const abort = (): void => {
        if (this.#waiting.delete(wake)) reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #wakeNext(): void {
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    next()
  }
}
