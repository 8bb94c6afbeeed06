import type { Endpoint } from './endpoint.ts'

/**
 * The plugins that are connected, by resource and socket. Several may be connected for one resource: the newest one is asked,
 * and each one's list replaces the list of the others.
 *
 * With `dropsNewest` it is as up to Kubernetes 1.35.4 (`handler.go`, `runClient`; before pull request 135437): there is one client per
 * resource, and whichever stream ends, that client is closed, and its resource unhealthy.
 */
export class Endpoints {
  readonly #dropsNewest: boolean
  readonly #ofResource = new Map<string, Map<string, Endpoint>>()
  readonly #primary = new Map<string, Endpoint>()
  /** Endpoints whose end nobody looks at any more. */
  readonly #orphans = new WeakSet<Endpoint>()

  constructor({ dropsNewest }: { dropsNewest: boolean }) {
    this.#dropsNewest = dropsNewest
  }

  /** The one that is asked. */
  primary(resource: string): Endpoint | undefined {
    return this.#primary.get(resource)
  }

  /**
   * Makes a plugin known, unless one is connected on the same socket. That one then keeps its place for ever: the kubelet drops
   * its record of every client on the socket with the failed one, and misses the end of the stream (Kubernetes 1.37.2,
   * pkg/kubelet/cm/devicemanager/plugin/v1beta1/handler.go, connectClient and runClient).
   */
  add(resource: string, endpoint: Endpoint): boolean {
    const connected = this.#ofResource.get(resource) ?? new Map<string, Endpoint>()
    const same = connected.get(endpoint.path)
    if (same !== undefined && !this.#dropsNewest) {
      this.#orphans.add(same)
      return false
    }
    this.#ofResource.set(resource, connected.set(endpoint.path, endpoint))
    this.#primary.set(resource, endpoint)
    return true
  }

  /** Says what the end of `endpoint` means: the `last` of its resource, one of several (`other`), or `unnoticed`. */
  remove(resource: string, endpoint: Endpoint): 'last' | 'other' | 'unnoticed' {
    const connected = this.#ofResource.get(resource)
    if (this.#dropsNewest) {
      const newest = this.#primary.get(resource)
      if (newest === undefined || !connected?.has(newest.path)) return 'unnoticed'
      connected.delete(newest.path)
      newest.close()
      return 'last'
    }
    if (connected?.get(endpoint.path) !== endpoint || this.#orphans.has(endpoint)) {
      return 'unnoticed'
    }
    connected.delete(endpoint.path)
    const [remaining] = connected.values()
    if (remaining !== undefined) {
      this.#primary.set(resource, remaining)
      return 'other'
    }
    this.#ofResource.delete(resource)
    return 'last'
  }

  /** Nobody is asked for the resource any more; until then it is the last one, though it can't answer. */
  forget(resource: string): void {
    this.#primary.delete(resource)
  }

  closeAll(): void {
    for (const connected of this.#ofResource.values()) {
      for (const endpoint of connected.values()) endpoint.close()
    }
  }
}
