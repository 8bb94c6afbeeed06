import type { PluginEvent } from '@alcove/kubelet'
import type { Metrics } from './metrics.ts'

/** Pods that ask for EPC wait for the registration, nobody for the metrics: their library, 20 ms of CPU, is loaded this long after. */
const LOAD_AFTER_MS = 2_000

/** Metrics that are made some time after the start, or when they are first asked for; what happened until then is noted. */
export class LateMetrics implements Disposable {
  readonly #make: () => Promise<Metrics>
  readonly #early: (readonly [resource: string, event: PluginEvent])[] = []
  readonly #timer: NodeJS.Timeout
  #made: Promise<Metrics> | undefined
  #metrics: Metrics | undefined

  constructor(make: () => Promise<Metrics>) {
    this.#make = make
    this.#timer = setTimeout(() => void this.#load(), LOAD_AFTER_MS)
  }

  note(resource: string, event: PluginEvent): void {
    if (this.#metrics === undefined) this.#early.push([resource, event])
    else this.#metrics.note(resource, event)
  }

  async text(): Promise<string> {
    return (await this.#load()).text()
  }

  #load(): Promise<Metrics> {
    this.#made ??= this.#make().then(metrics => {
      for (const [resource, event] of this.#early.splice(0)) metrics.note(resource, event)
      this.#metrics = metrics
      return metrics
    })
    return this.#made
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
