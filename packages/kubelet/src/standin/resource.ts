import { InsufficientError } from '../kubelet-error.ts'

/** A resource as the node shows it. */
export interface ResourceStatus {
  readonly name: string
  /** Devices that the plugin has listed, healthy or not. */
  readonly capacity: number
  /** The healthy ones of them; 0 while the plugin is away. */
  readonly allocatable: number
  /** Devices that programs hold, whatever has become of them since. */
  readonly allocated: number
}

/** One resource's devices: what its plugin says about them, and who holds them. */
export class Resource {
  readonly name: string
  #healthOf: ReadonlyMap<string, boolean> = new Map()
  readonly #held = new Set<string>()

  constructor(name: string) {
    this.name = name
  }

  get status(): ResourceStatus {
    return {
      name: this.name,
      capacity: this.#healthOf.size,
      allocatable: this.#healthy().length,
      allocated: this.#held.size,
    }
  }

  /** A list is whole: what is not in it is gone. */
  replaceDevices(healthOf: ReadonlyMap<string, boolean>): void {
    this.#healthOf = healthOf
  }

  /** The plugin has gone: its devices are known, and cannot be had. */
  markUnhealthy(): void {
    this.#healthOf = new Map(this.#healthOf.keys().map(id => [id, false]))
  }

  /** Takes `count` free healthy devices. @throws {InsufficientError} `ERR_KUBELET_INSUFFICIENT` */
  reserve(count: number): string[] {
    const healthy = this.#healthy()
    const free = healthy.filter(id => !this.#held.has(id))
    if (count > free.length) {
      throw new InsufficientError({
        resource: this.name,
        asked: count,
        free: free.length,
        allocatable: healthy.length,
      })
    }
    const ids = free.slice(0, count)
    for (const id of ids) this.#held.add(id)
    return ids
  }

  release(ids: readonly string[]): void {
    for (const id of ids) this.#held.delete(id)
  }

  #healthy(): string[] {
    return [...this.#healthOf].filter(([, healthy]) => healthy).map(([id]) => id)
  }
}
