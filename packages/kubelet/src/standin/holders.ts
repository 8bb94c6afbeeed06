import type { Allocation } from './checkpoint.ts'

/** Who holds which devices, and what their plugin has answered: one entry for each container and resource. */
export class Holders {
  readonly #entries = new Map<string, Allocation>()

  find(container: string, resource: string): Allocation | undefined {
    return this.#entries.get(keyOf({ container, resource }))
  }

  of(container: string): Allocation[] {
    return this.all().filter(entry => entry.container === container)
  }

  all(): Allocation[] {
    return [...this.#entries.values()]
  }

  add(entry: Allocation): void {
    this.#entries.set(keyOf(entry), entry)
  }

  /** Whether it was there. */
  remove(entry: Allocation): boolean {
    return (
      this.find(entry.container, entry.resource) === entry && this.#entries.delete(keyOf(entry))
    )
  }
}

function keyOf({ container, resource }: Pick<Allocation, 'container' | 'resource'>): string {
  return `${resource}\0${container}`
}
