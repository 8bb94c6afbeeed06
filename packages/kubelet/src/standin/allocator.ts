import { randomBytes } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { parseAllocation } from '../allocation.ts'
import type { ContainerAllocation } from '../device-plugin.ts'
import { AllocateResponseSchema, ContainerAllocateResponseSchema } from '../gen/device_plugin_pb.ts'
import { KubeletError, UnexpectedAdmissionError } from '../kubelet-error.ts'
import type { Behaviour } from './behaviour.ts'
import type { Allocation } from './checkpoint.ts'
import { chooseDevices } from './choose-devices.ts'
import type { NodeDevices } from './node-devices.ts'
import type { Resource } from './resource.ts'

/** Devices that are held until they are released. */
export interface HeldDevices {
  readonly ids: readonly string[]
  readonly allocation: ContainerAllocation
  /**
   * What the container gets when it starts again: the plugin's first answer. The plugin is asked for nothing, unless its
   * options want PreStartContainer calls.
   *
   * @throws {KubeletError} `ERR_KUBELET_PRE_START`, also when the resource is forgotten by now
   */
  restart(signal?: AbortSignal): Promise<ContainerAllocation>
  release(): void
}

export interface AllocateOptions {
  /**
   * Names a container that can come back: after a restart of the stand-in the same name gets the same devices, and the answer
   * that the plugin gave for them. Without it the devices are free when the stand-in starts again.
   */
  readonly container?: string | undefined
  readonly signal?: AbortSignal | undefined
}

interface Ask {
  readonly name: string
  readonly count: number
  readonly container: string
  readonly restartable: boolean
  readonly signal: AbortSignal | undefined
}

/** Admits containers to devices. */
export class Allocator {
  readonly #node: NodeDevices
  readonly #pick: Behaviour['pick']
  readonly #save: () => Promise<void>
  readonly #changed: (resource: Resource) => void

  constructor(deps: {
    node: NodeDevices
    pick: Behaviour['pick']
    /** Writes the checkpoint. */
    save: () => Promise<void>
    changed: (resource: Resource) => void
  }) {
    this.#node = deps.node
    this.#pick = deps.pick
    this.#save = deps.save
    this.#changed = deps.changed
  }

  /** @throws {KubeletError} as `StandInKubelet.allocate` does */
  async allocate(name: string, count: number, options: AllocateOptions): Promise<HeldDevices> {
    const { signal } = options
    const container = options.container ?? `once-${randomBytes(6).toString('hex')}`
    const ask = { name, count, container, restartable: options.container !== undefined, signal }
    const entry = this.#earlier(ask) ?? (await this.#fresh(ask))
    try {
      const allocation = await this.#start(entry, signal)
      return {
        ids: entry.ids,
        allocation,
        restart: again => this.#start(entry, again),
        release: () => this.release(entry),
      }
    } catch (error) {
      if (!ask.restartable) this.release(entry)
      throw error
    }
  }

  release(entry: Allocation): void {
    if (!this.#node.holders.remove(entry)) return
    const resource = this.#node.resource(entry.resource)
    resource.release(entry.ids)
    this.#changed(resource)
    void this.#save().catch(() => undefined)
  }

  /** What the container holds already; checked as the kubelet does it before it admits a pod again. */
  #earlier(ask: Ask): Allocation | undefined {
    const { name, count, container } = ask
    const entry = this.#node.holders.find(container, name)
    this.#checkHealth(ask, entry)
    if (entry === undefined) return undefined
    if (entry.ids.length !== count) {
      const change = `from ${entry.ids.length} to ${count}`
      throw new UnexpectedAdmissionError(
        name,
        `pod "${container}" container "${container}" changed request for resource "${name}" ${change}`,
        'release what it holds first',
      )
    }
    const { healthyIds } = this.#node.resource(name)
    if (!entry.ids.every(id => healthyIds.has(id))) {
      throw new UnexpectedAdmissionError(
        name,
        `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${name}`,
        'wait until the device plugin reports them healthy',
      )
    }
    return entry
  }

  #checkHealth({ name, count }: Ask, entry: Allocation | undefined): void {
    const resource = this.#node.resource(name)
    if (resource.status.allocatable > 0) return
    const known = this.#node.isKnown(name)
    // A scheduler would have seen these, and would have sent the pod elsewhere.
    if (entry === undefined && (!known || resource.isReported)) {
      throw this.#node.insufficient(name, count)
    }
    const why = known
      ? `no healthy devices present; cannot allocate unhealthy devices ${name}`
      : `cannot allocate unregistered device ${name}`
    const remedy = 'no device plugin offers it now: is the device plugin running?'
    throw new UnexpectedAdmissionError(name, why, remedy)
  }

  async #fresh({ name, count, container, restartable, signal }: Ask): Promise<Allocation> {
    const resource = this.#node.resource(name)
    if (count > resource.free().length) throw this.#node.insufficient(name, count)
    const endpoint = this.#node.endpoints.primary(name)
    if (endpoint === undefined) throw new Error(`${name}: healthy devices without a plugin`)
    const preferred = await endpoint.preferred(resource.free(), count, signal)
    // Others may have been admitted meanwhile.
    const free = resource.free()
    if (count > free.length) throw this.#node.insufficient(name, count)
    const ids = chooseDevices(free, count, preferred, this.#pick)
    resource.hold(ids)
    this.#changed(resource)
    try {
      const responses = await endpoint.allocate(ids, signal)
      parseAllocation(name, create(AllocateResponseSchema, { containerResponses: responses }))
      const [answer] = responses
      if (answer === undefined) throw new Error('an answer without a container was accepted')
      const bytes = toBinary(ContainerAllocateResponseSchema, answer)
      const entry = { container, restartable, resource: name, ids, answer: bytes.toBase64() }
      this.#node.holders.add(entry)
      await this.#save()
      return entry
    } catch (error) {
      const entry = this.#node.holders.find(container, name)
      if (entry?.ids === ids) this.#node.holders.remove(entry)
      resource.release(ids)
      this.#changed(resource)
      throw error
    }
  }

  async #start(entry: Allocation, signal: AbortSignal | undefined): Promise<ContainerAllocation> {
    const { resource, ids } = entry
    if (!this.#node.isKnown(resource)) {
      const gone = `endpoint not found in cache for a registered resource: ${resource}`
      throw new KubeletError('ERR_KUBELET_PRE_START', gone)
    }
    await this.#node.endpoints.primary(resource)?.preStart(ids, signal)
    const answer = fromBinary(ContainerAllocateResponseSchema, Uint8Array.fromBase64(entry.answer))
    return parseAllocation(
      resource,
      create(AllocateResponseSchema, { containerResponses: [answer] }),
    )
  }
}
