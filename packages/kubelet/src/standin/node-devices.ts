import { InsufficientError } from '../kubelet-error.ts'
import type { Behaviour } from './behaviour.ts'
import type { Checkpoint } from './checkpoint.ts'
import { Endpoints } from './endpoints.ts'
import { Holders } from './holders.ts'
import { Resource, type ResourceStatus } from './resource.ts'

/** All that the stand-in knows: resources, the plugins behind them, who holds what. */
export class NodeDevices {
  readonly endpoints: Endpoints
  readonly holders: Holders = new Holders()
  /** A resource stays here for ever, at 0 if need be. */
  readonly #resources = new Map<string, Resource>()
  /** Those of now, or of before the last restart, whose plugins have not stayed away for too long. */
  readonly #known = new Set<string>()

  constructor({ dropsNewest }: Pick<Behaviour, 'dropsNewest'>) {
    this.endpoints = new Endpoints({ dropsNewest })
  }

  statuses(): ResourceStatus[] {
    return [...this.#resources.values()].map(({ status }) => status)
  }

  /** One that nobody has listed counts 0 of everything, and is not kept. */
  resource(name: string): Resource {
    return this.#resources.get(name) ?? new Resource(name)
  }

  isKnown(name: string): boolean {
    return this.#known.has(name)
  }

  /** Makes the resource known. */
  know(name: string): Resource {
    const resource = this.resource(name)
    this.#resources.set(name, resource)
    this.#known.add(name)
    return resource
  }

  forget(name: string): Resource {
    this.#known.delete(name)
    this.endpoints.forget(name)
    const resource = this.resource(name)
    resource.forget()
    return resource
  }

  /** Resources at 0 until their plugins report, and the devices of containers that can come back. */
  restore({ registered, allocations }: Checkpoint): { dropped: number } {
    for (const name of Object.keys(registered)) this.know(name)
    const kept = allocations.filter(({ restartable }) => restartable)
    for (const entry of kept) {
      this.holders.add(entry)
      const resource = this.resource(entry.resource)
      this.#resources.set(entry.resource, resource)
      resource.hold(entry.ids)
    }
    return { dropped: allocations.length - kept.length }
  }

  checkpoint(): Checkpoint {
    const registered = [...this.#known].map(
      name => [name, [...this.resource(name).healthyIds]] as const,
    )
    return { registered: Object.fromEntries(registered), allocations: this.holders.all() }
  }

  insufficient(name: string, asked: number): InsufficientError {
    const resource = this.resource(name)
    const free = resource.free().length
    return new InsufficientError({
      resource: name,
      asked,
      free,
      allocatable: resource.status.allocatable,
    })
  }
}
