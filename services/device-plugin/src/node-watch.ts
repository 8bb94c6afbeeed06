import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  type Capability,
  capability,
  type Host,
  HostError,
  type NodeFacts,
  readNode,
} from '@alcove/host'
import { isOffer, type NodeOffer, nodeOffer } from './node-offer.ts'

export interface NodeWatchDeps {
  readonly host: Host
  readonly epcMode: 'bytes' | 'devices'
  /** Between two looks. */
  readonly lookMs: number
  /** After each look that succeeded, before anybody hears of a change. */
  readonly afterLook: (offer: NodeOffer) => Promise<void>
  /** Once for each new reason; what was read last still counts. */
  readonly onUnreadable: (reason: string) => void
  /** The first look after that succeeded. */
  readonly onReadable: () => void
}

/**
 * Follows what the node has to give, by looking every few seconds: some twenty small reads. A watch on /dev would say it
 * sooner, but kernels without the fix of CVE-2025-68788 report every write to /dev/null and every terminal there, and so
 * would never let this process sleep.
 */
export class NodeWatch implements AsyncDisposable {
  readonly #deps: NodeWatchDeps
  readonly #stop = new AbortController()
  readonly #listeners = new Set<() => void>()
  #facts: NodeFacts | undefined
  #offer: NodeOffer = unread('not looked at yet')
  #unreadable: string | undefined
  #loop: Promise<void> | undefined

  private constructor(deps: NodeWatchDeps) {
    this.#deps = deps
  }

  /** Resolves after the first look. */
  static async start(deps: NodeWatchDeps): Promise<NodeWatch> {
    const watch = new NodeWatch(deps)
    await watch.#look()
    watch.#begin()
    return watch
  }

  /** As read last; the same object until it changes. */
  get offer(): NodeOffer {
    return this.#offer
  }

  /** The conditions of `alcove doctor`, as read last. */
  get conditions(): Capability['conditions'] {
    return this.#facts === undefined ? [] : capability(this.#facts).conditions
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#loop
  }

  #begin(): void {
    this.#loop = this.#run()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await delay(this.#deps.lookMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { host, afterLook, onUnreadable, onReadable } = this.#deps
    try {
      this.#facts = await readNode(host, this.#facts)
      if (this.#unreadable !== undefined) onReadable()
      this.#unreadable = undefined
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      if (this.#unreadable !== error.message) onUnreadable(error.message)
      this.#unreadable = error.message
      await this.#keep(error.message)
      return
    }
    const offer = nodeOffer(this.#facts, this.#deps.epcMode)
    await afterLook(offer)
    this.#change(offer)
  }

  /** What cannot be read is as it was, but for devices that are seen to be gone. */
  async #keep(reason: string): Promise<void> {
    const { host } = this.#deps
    if (isOffer(this.#offer)) {
      const { enclaveDevice, provisionDevice } = this.#offer
      const [enclave, provision] = await Promise.all(
        [enclaveDevice, provisionDevice].map(({ path }) =>
          host.isCharDevice(path).catch(() => true),
        ),
      )
      if (enclave && provision) return
    }
    this.#change(unread(reason))
  }

  #change(offer: NodeOffer): void {
    if (isDeepStrictEqual(offer, this.#offer)) return
    this.#offer = offer
    for (const listener of this.#listeners) listener()
  }
}

function unread(reason: string): NodeOffer {
  return { condition: 'unread', reason }
}
