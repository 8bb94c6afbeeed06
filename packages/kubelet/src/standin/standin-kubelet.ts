import { join } from 'node:path'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { type AllocateOptions, Allocator, type HeldDevices } from './allocator.ts'
import { type Behaviour, kubeletBehaviour } from './behaviour.ts'
import type { Allocation } from './checkpoint.ts'
import { CheckpointFile } from './checkpoint-file.ts'
import { dialPlugin, type Endpoint } from './endpoint.ts'
import { NodeDevices } from './node-devices.ts'
import { type RegistryServer, serveRegistry } from './registry-server.ts'
import type { Resource, ResourceStatus } from './resource.ts'

export type StandInEvent =
  | { readonly event: 'listening'; readonly path: string }
  | { readonly event: 'registered'; readonly resource: string; readonly endpoint: string }
  | { readonly event: 'register-refused'; readonly resource: string; readonly reason: string }
  /** The resource's devices, or who holds them, changed. */
  | { readonly event: 'resource'; readonly status: ResourceStatus }
  /** The stream of the resource's last plugin ended; `reason` is empty if it did so in order. */
  | { readonly event: 'disconnected'; readonly resource: string; readonly reason: string }
  /** No plugin has come back for the resource in time: it is 0 from now on. */
  | { readonly event: 'forgotten'; readonly resource: string }
  /** `dropped` are the allocations whose programs ended with the stand-in before this one. */
  | {
      readonly event: 'checkpoint-restored'
      readonly resources: readonly string[]
      readonly allocations: number
      readonly dropped: number
    }
  /** The checkpoint is now at `path`, and nothing is known of the time before. */
  | { readonly event: 'checkpoint-unreadable'; readonly path: string; readonly reason: string }
  | { readonly event: 'checkpoint-failed'; readonly reason: string }

/** The kubelet's side of the device plugin API on a machine without Kubernetes. */
export interface StandInKubelet extends AsyncDisposable {
  /** Of `kubelet.sock`. */
  readonly path: string
  resources(): readonly ResourceStatus[]
  resource(name: string): ResourceStatus
  /** Resolves when `predicate` holds for the resource; one that nobody has registered counts 0 of everything. */
  waitFor(
    resource: string,
    predicate: (status: ResourceStatus) => boolean,
    signal?: AbortSignal,
  ): Promise<ResourceStatus>
  /**
   * Takes free devices, at random, and asks their plugin what comes with them. A scheduler would have kept back what is refused
   * with `ERR_KUBELET_INSUFFICIENT`; the other refusals are those of a kubelet.
   *
   * @throws {InsufficientError} `ERR_KUBELET_INSUFFICIENT`
   * @throws {UnexpectedAdmissionError} `ERR_KUBELET_UNEXPECTED_ADMISSION` while the resource's plugin is away
   * @throws {KubeletError} `ERR_KUBELET_ALLOCATE` if the plugin refuses, `ERR_KUBELET_ALLOCATION` for a wrong answer,
   *   `ERR_KUBELET_PRE_START`, `ERR_KUBELET_CHECKPOINT`, `ERR_KUBELET_ABSENT` when the stand-in ends first
   */
  allocate(resource: string, count: number, options?: AllocateOptions): Promise<HeldDevices>
  /** What containers that can come back hold; those that have not come back included. */
  containers(): readonly Pick<Allocation, 'container' | 'resource' | 'ids'>[]
  /** Gives back all that a container holds: it will not come back. */
  discard(container: string): void
}

/**
 * Starts the stand-in: it reads its checkpoint, deletes the sockets in `directory`, listens on `kubelet.sock` there and follows
 * the plugins that register, in each case as the kubelet 1.37.2 does unless `behaviour` says otherwise.
 *
 * @throws {KubeletError} `ERR_KUBELET_SOCKET`, `ERR_KUBELET_CHECKPOINT`
 * @see docs/formats/device-plugin.md
 */
export async function startStandInKubelet(options: {
  readonly directory: string
  readonly onEvent?: (event: StandInEvent) => void
  readonly behaviour?: Partial<Behaviour>
}): Promise<StandInKubelet> {
  const standIn = new StandIn(options.directory, options.onEvent ?? (() => undefined), {
    ...kubeletBehaviour,
    ...options.behaviour,
  })
  await standIn.listen()
  return standIn
}

class StandIn implements StandInKubelet {
  readonly #directory: string
  readonly #onEvent: (event: StandInEvent) => void
  readonly #behaviour: Behaviour
  readonly #node: NodeDevices
  readonly #file: CheckpointFile
  readonly #allocator: Allocator
  readonly #watchers = new Set<() => void>()
  readonly #stop = new AbortController()
  /** Resolves when admissions begin. */
  readonly #admitting = Promise.withResolvers<void>()
  /** How to prevent what the clock would do next, by resource. */
  readonly #graces = new Map<string, () => void>()
  #registry: RegistryServer | undefined

  constructor(directory: string, onEvent: (event: StandInEvent) => void, behaviour: Behaviour) {
    this.#directory = directory
    this.#onEvent = onEvent
    this.#behaviour = behaviour
    this.#node = new NodeDevices(behaviour)
    this.#file = new CheckpointFile(directory)
    this.#allocator = new Allocator({
      node: this.#node,
      pick: behaviour.pick,
      save: () => this.#save(),
      changed: resource => this.#changed(resource),
    })
  }

  async listen(): Promise<void> {
    await this.#restore()
    this.#registry = await serveRegistry(
      this.#directory,
      (resource, endpoint, gone) => this.#register(resource, endpoint, gone),
      (resource, reason) => this.#onEvent({ event: 'register-refused', resource, reason }),
    )
    const { admitFromMs, after } = this.#behaviour
    if (admitFromMs === 0) this.#admitting.resolve()
    else after(admitFromMs, () => this.#admitting.resolve())
    this.#onEvent({ event: 'listening', path: this.path })
  }

  get path(): string {
    return this.#registry?.path ?? ''
  }

  resources(): readonly ResourceStatus[] {
    return this.#node.statuses()
  }

  resource(name: string): ResourceStatus {
    return this.#node.resource(name).status
  }

  async waitFor(
    name: string,
    predicate: (status: ResourceStatus) => boolean,
    signal?: AbortSignal,
  ): Promise<ResourceStatus> {
    const { promise, resolve } = Promise.withResolvers<ResourceStatus>()
    const look = (): void => {
      const status = this.resource(name)
      if (predicate(status)) resolve(status)
    }
    this.#watchers.add(look)
    try {
      look()
      return await orAborted(promise, signal === undefined ? [] : [signal])
    } finally {
      this.#watchers.delete(look)
    }
  }

  async allocate(name: string, count: number, options: AllocateOptions = {}): Promise<HeldDevices> {
    const signals = options.signal === undefined ? [] : [options.signal]
    await orAborted(this.#admitting.promise, [this.#stop.signal, ...signals])
    return await this.#allocator.allocate(name, count, options)
  }

  containers(): readonly Pick<Allocation, 'container' | 'resource' | 'ids'>[] {
    return this.#node.holders
      .all()
      .filter(({ restartable }) => restartable)
      .map(({ container, resource, ids }) => ({ container, resource, ids }))
  }

  discard(container: string): void {
    for (const entry of this.#node.holders.of(container)) this.#allocator.release(entry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new KubeletError('ERR_KUBELET_ABSENT', 'the stand-in kubelet has ended'))
    for (const cancel of this.#graces.values()) cancel()
    this.#node.endpoints.closeAll()
    await this.#registry?.[Symbol.asyncDispose]()
    await this.#file.settled()
  }

  async #restore(): Promise<void> {
    const checkpoint = await this.#file.read(fault => {
      this.#onEvent({ event: 'checkpoint-unreadable', ...fault })
    })
    if (checkpoint === undefined) return
    const { dropped } = this.#node.restore(checkpoint)
    const resources = Object.keys(checkpoint.registered)
    const allocations = this.#node.holders.all().length
    this.#onEvent({ event: 'checkpoint-restored', resources, allocations, dropped })
    for (const name of resources) this.#beginGrace(name)
  }

  /** Within the plugin's Register call, as the kubelet does it: dial, ask for the options, then follow the list. */
  async #register(name: string, endpointName: string, gone: AbortSignal): Promise<void> {
    const path = join(this.#directory, endpointName)
    const signal = AbortSignal.any([this.#stop.signal, gone])
    const endpoint = await dialPlugin(name, path, this.#behaviour, signal)
    if (!this.#node.endpoints.add(name, endpoint)) {
      endpoint.close()
      throw new Error(`device plugin already connected: ${path}`)
    }
    this.#endGrace(name)
    this.#onEvent({ event: 'registered', resource: name, endpoint: endpointName })
    endpoint.watch({
      onDevices: healthOf => {
        if (this.#stop.signal.aborted) return
        const resource = this.#node.know(name)
        resource.report(healthOf)
        this.#changed(resource)
        void this.#save().catch(() => undefined)
      },
      onEnd: reason => this.#ended(name, endpoint, reason),
    })
  }

  #ended(name: string, endpoint: Endpoint, reason: string): void {
    if (this.#stop.signal.aborted) return
    const meaning = this.#node.endpoints.remove(name, endpoint)
    if (meaning !== 'unnoticed') endpoint.close()
    if (meaning !== 'last') return
    const resource = this.#node.resource(name)
    resource.markUnhealthy()
    this.#beginGrace(name)
    this.#onEvent({ event: 'disconnected', resource: name, reason })
    this.#changed(resource)
  }

  #beginGrace(name: string): void {
    const { graceMs, after } = this.#behaviour
    this.#endGrace(name)
    const forget = (): void => {
      this.#graces.delete(name)
      const resource = this.#node.forget(name)
      this.#onEvent({ event: 'forgotten', resource: name })
      this.#changed(resource)
      void this.#save().catch(() => undefined)
    }
    this.#graces.set(name, after(graceMs, forget))
  }

  #endGrace(name: string): void {
    this.#graces.get(name)?.()
    this.#graces.delete(name)
  }

  async #save(): Promise<void> {
    if (this.#stop.signal.aborted) return
    try {
      await this.#file.write(() => this.#node.checkpoint())
    } catch (error) {
      this.#onEvent({ event: 'checkpoint-failed', reason: reasonOf(error) })
      throw error
    }
  }

  #changed(resource: Resource): void {
    this.#onEvent({ event: 'resource', status: resource.status })
    for (const look of this.#watchers) look()
  }
}

/** Rejects with the reason of whichever signal aborts first. */
async function orAborted<T>(promise: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  const any = AbortSignal.any([...signals])
  any.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(any.reason)
  any.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    any.removeEventListener('abort', abort)
  }
}
