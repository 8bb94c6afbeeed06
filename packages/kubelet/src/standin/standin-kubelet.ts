import { join } from 'node:path'
import type { ContainerAllocation } from '../device-plugin.ts'
import { dialPlugin, type Endpoint } from './endpoint.ts'
import { type RegistryServer, serveRegistry } from './registry-server.ts'
import { Resource, type ResourceStatus } from './resource.ts'

export type StandInEvent =
  | { readonly event: 'listening'; readonly path: string }
  | { readonly event: 'registered'; readonly resource: string; readonly endpoint: string }
  | { readonly event: 'register-refused'; readonly resource: string; readonly reason: string }
  /** The resource's devices, or who holds them, changed. */
  | { readonly event: 'resource'; readonly status: ResourceStatus }
  /** The plugin's stream ended; `reason` is empty if it did so in order. */
  | { readonly event: 'disconnected'; readonly resource: string; readonly reason: string }

/** Devices that are held until they are released. */
export interface HeldDevices {
  readonly ids: readonly string[]
  readonly allocation: ContainerAllocation
  release(): void
}

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
   * Takes free devices and asks their plugin what comes with them.
   *
   * @throws {InsufficientError} `ERR_KUBELET_INSUFFICIENT`
   * @throws {KubeletError} `ERR_KUBELET_ALLOCATE` if the plugin refuses, `ERR_KUBELET_ALLOCATION` for a wrong answer
   */
  allocate(resource: string, count: number): Promise<HeldDevices>
}

/**
 * Starts the stand-in: it deletes the sockets in `directory`, listens on `kubelet.sock` there and follows the plugins that
 * register. Unlike the kubelet it keeps no checkpoint, and a plugin that stays away is not forgotten after 5 minutes.
 *
 * @throws {KubeletError} `ERR_KUBELET_SOCKET`
 * @see docs/formats/device-plugin.md
 */
export async function startStandInKubelet(options: {
  readonly directory: string
  readonly onEvent?: (event: StandInEvent) => void
}): Promise<StandInKubelet> {
  const standIn = new StandIn(options.directory, options.onEvent ?? (() => undefined))
  await standIn.listen()
  return standIn
}

class StandIn implements StandInKubelet {
  readonly #directory: string
  readonly #onEvent: (event: StandInEvent) => void
  readonly #resources = new Map<string, Resource>()
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #watchers = new Set<() => void>()
  readonly #stop = new AbortController()
  #registry: RegistryServer | undefined

  constructor(directory: string, onEvent: (event: StandInEvent) => void) {
    this.#directory = directory
    this.#onEvent = onEvent
  }

  async listen(): Promise<void> {
    this.#registry = await serveRegistry(
      this.#directory,
      (resource, endpoint) => this.#register(resource, endpoint),
      (resource, reason) => this.#onEvent({ event: 'register-refused', resource, reason }),
    )
    this.#onEvent({ event: 'listening', path: this.path })
  }

  get path(): string {
    return this.#registry?.path ?? ''
  }

  resources(): readonly ResourceStatus[] {
    return [...this.#resources.values()].map(({ status }) => status)
  }

  resource(name: string): ResourceStatus {
    return this.#resource(name).status
  }

  async waitFor(
    name: string,
    predicate: (status: ResourceStatus) => boolean,
    signal?: AbortSignal,
  ): Promise<ResourceStatus> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<ResourceStatus>()
    const look = (): void => {
      const status = this.#resource(name).status
      if (predicate(status)) resolve(status)
    }
    const abort = (): void => reject(signal?.reason)
    this.#watchers.add(look)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      look()
      return await promise
    } finally {
      this.#watchers.delete(look)
      signal?.removeEventListener('abort', abort)
    }
  }

  async allocate(name: string, count: number): Promise<HeldDevices> {
    const resource = this.#resource(name)
    const ids = resource.reserve(count)
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      resource.release(ids)
      this.#changed(resource)
    }
    this.#changed(resource)
    try {
      const endpoint = this.#endpoints.get(name)
      if (endpoint === undefined) throw new Error(`${name}: healthy devices without a plugin`)
      return { ids, allocation: await endpoint.allocate(ids), release }
    } catch (error) {
      release()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const endpoint of this.#endpoints.values()) endpoint.close()
    await this.#registry?.[Symbol.asyncDispose]()
  }

  /** A resource that nobody has registered is not kept. */
  #resource(name: string): Resource {
    return this.#resources.get(name) ?? new Resource(name)
  }

  /** Within the plugin's Register call, as the kubelet does it: dial, ask for the options, then follow the list. */
  async #register(name: string, endpointName: string): Promise<void> {
    const path = join(this.#directory, endpointName)
    const endpoint = await dialPlugin(name, path, this.#stop.signal)
    const resource = this.#resource(name)
    this.#resources.set(name, resource)
    const before = this.#endpoints.get(name)
    this.#endpoints.set(name, endpoint)
    before?.close()
    this.#onEvent({ event: 'registered', resource: name, endpoint: endpointName })
    endpoint.watch({
      onDevices: healthOf => {
        if (this.#endpoints.get(name) !== endpoint) return
        resource.replaceDevices(healthOf)
        this.#changed(resource)
      },
      onEnd: reason => {
        endpoint.close()
        if (this.#endpoints.get(name) !== endpoint || this.#stop.signal.aborted) return
        this.#endpoints.delete(name)
        resource.markUnhealthy()
        this.#onEvent({ event: 'disconnected', resource: name, reason })
        this.#changed(resource)
      },
    })
  }

  #changed(resource: Resource): void {
    this.#onEvent({ event: 'resource', status: resource.status })
    for (const look of this.#watchers) look()
  }
}
