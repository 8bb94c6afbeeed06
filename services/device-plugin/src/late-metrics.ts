import type { PluginEvent } from '@alcove/kubelet'
import type { Metrics } from './metrics.ts'

/** Events that are counted; of others nothing is kept. */
const COUNTED: ReadonlySet<PluginEvent['event']> = new Set([
  'registered',
  'allocate',
  'allocate-refused',
])
/** Where nobody ever asks, the oldest are given up. */
const MOST_KEPT = 10_000

/**
 * Metrics that are made when somebody first asks for them: on a cluster without Prometheus their library is never loaded. What
 * happened until then is kept, and counted then.
 */
export class LateMetrics {
  readonly #make: () => Promise<Metrics>
  readonly #early: (readonly [resource: string, event: PluginEvent])[] = []
  #made: Promise<Metrics> | undefined
  #metrics: Metrics | undefined

  constructor(make: () => Promise<Metrics>) {
    this.#make = make
  }

  note(resource: string, event: PluginEvent): void {
    if (this.#metrics !== undefined) this.#metrics.note(resource, event)
    else if (COUNTED.has(event.event)) {
      if (this.#early.length === MOST_KEPT) this.#early.shift()
      this.#early.push([resource, event])
    }
  }

  /** In Prometheus' text format. */
  async text(): Promise<string> {
    this.#made ??= this.#make().then(metrics => {
      for (const [resource, event] of this.#early.splice(0)) metrics.note(resource, event)
      this.#metrics = metrics
      return metrics
    })
    return (await this.#made).text()
  }
}
