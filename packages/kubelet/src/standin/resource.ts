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
  #healthy: ReadonlySet<string> = new Set()
  #reported = false
  readonly #held = new Set<string>()

  constructor(name: string) {
    this.name = name
  }

  get status(): ResourceStatus {
    return {
      name: this.name,
      capacity: this.#healthOf.size,
      allocatable: this.#healthy.size,
      allocated: this.#held.size,
    }
  }

  get healthyIds(): ReadonlySet<string> {
    return this.#healthy
  }

  /** Whether this is what a plugin says that is there now. */
  get isReported(): boolean {
    return this.#reported
  }

  /** A list is whole: what is not in it is gone, and stays with who holds it. */
  report(healthOf: ReadonlyMap<string, boolean>): void {
    this.#replace(healthOf, true)
  }

  /** The plugin has gone: its devices are known, and cannot be had. */
  markUnhealthy(): void {
    this.#replace(new Map(this.#healthOf.keys().map(id => [id, false])), false)
  }

  /** The plugin has stayed away: the node shows 0 of the resource. */
  forget(): void {
    this.#replace(new Map(), false)
  }

  free(): string[] {
    return [...this.#healthy].filter(id => !this.#held.has(id))
  }

  hold(ids: readonly string[]): void {
    for (const id of ids) this.#held.add(id)
  }

  release(ids: readonly string[]): void {
    for (const id of ids) this.#held.delete(id)
  }

  #replace(healthOf: ReadonlyMap<string, boolean>, reported: boolean): void {
    this.#healthOf = healthOf
    this.#healthy = new Set(healthOf.keys().filter(id => healthOf.get(id)))
    this.#reported = reported
  }
}
