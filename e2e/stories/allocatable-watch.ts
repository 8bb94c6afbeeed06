import type { Api } from '../kube/api.ts'
import { allocatable, nodeSchema } from '../kube/nodes.ts'

/** One state of a node's resource, as the API server had it. */
export interface Seen {
  readonly atMs: number
  readonly allocatable: number
}

/** Keeps what the API server says of one resource of a node, change by change. */
export class AllocatableWatch implements AsyncDisposable {
  readonly seen: Seen[] = []
  readonly #stop = new AbortController()
  readonly #watching: Promise<void>

  constructor(api: Api, node: string, resource: string) {
    this.#watching = this.#watch(api, node, resource)
  }

  async #watch(api: Api, name: string, resource: string): Promise<void> {
    const path = `/api/v1/nodes?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`
    while (!this.#stop.signal.aborted) {
      for await (const { type, object } of api.watch(path, this.#stop.signal)) {
        if (type !== 'ADDED' && type !== 'MODIFIED') continue
        const now = allocatable(nodeSchema.parse(object), resource)
        if (this.seen.at(-1)?.allocatable !== now)
          this.seen.push({ atMs: Date.now(), allocatable: now })
      }
    }
  }

  /** How long each stretch below `full` lasted, in milliseconds. */
  dips(full: number): readonly number[] {
    return this.seen.flatMap(({ atMs, allocatable: value }, index) => {
      if (value >= full) return []
      const after = this.seen[index + 1]
      return after === undefined ? [Number.POSITIVE_INFINITY] : [after.atMs - atMs]
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }
}
