import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import type { CurrentList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import { RegisterRequestSchema } from '../gen/device_plugin_pb.ts'
import { reasonOf } from '../kubelet-error.ts'
import { API_VERSION, callUnary, KUBELET_SOCKET, registrationService, unixClient } from '../rpc.ts'
import { socketIdentity } from '../socket-file.ts'
import { DirectoryWatch } from './directory-watch.ts'
import { Doorbell } from './doorbell.ts'
import { type Generation, openGeneration } from './generation.ts'
import { Hold } from './hold.ts'
import type { PluginEvent } from './plugin-event.ts'

/** How often to look while the kubelet does not stream: a pod that is admitted more than 0.6 s after the kubelet's start is rejected without it. */
const UNSETTLED_POLL_MS = 100
/** The kubelet dials back within Register, for 10 s. */
const REGISTER_TIMEOUT_MS = 15_000
/** The kubelet starts its stream right after Register. */
const STREAM_DUE_MS = 2_000
/** A kubelet that restarts loses the stream first; most times its new socket then comes before this. */
const STREAM_ENDED_MS = 250

interface Deps {
  readonly plugin: DevicePlugin
  readonly list: CurrentList
  readonly directory: string
  readonly stem: string
  readonly pollMs: number
  readonly onEvent: (event: PluginEvent) => void
}

/**
 * Keeps a plugin served and registered. One loop looks at three things, whenever something stirs and at every poll: is the
 * own socket still there, is the kubelet's socket another one than before, does the kubelet stream.
 */
export class Registration implements AsyncDisposable {
  readonly #deps: Deps
  readonly #kubeletPath: string
  readonly #stop = new AbortController()
  readonly #bell = new Doorbell()
  readonly #hold = new Hold(() => this.#bell.ring())
  readonly #watch: DirectoryWatch
  /** Its socket's file is gone, its streams may still live. */
  readonly #retired = new Set<Generation>()
  #generation: Generation | undefined
  /** The kubelet's socket as last seen; `undefined` if there was none. */
  #kubelet: string | undefined
  /** That kubelet has accepted this generation. */
  #accepted = false
  /** A kubelet may know the generation's name, whatever it has answered. */
  #nameUsed = false
  #toldAbsence = false
  #loop: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  private constructor(deps: Deps) {
    this.#deps = deps
    this.#kubeletPath = join(deps.directory, KUBELET_SOCKET)
    this.#watch = new DirectoryWatch(deps.directory, () => this.#bell.ring())
  }

  /** @throws {KubeletError} `ERR_KUBELET_SOCKET` */
  static async start(deps: Deps): Promise<Registration> {
    const self = new Registration(deps)
    await self.#renew()
    self.#begin()
    return self
  }

  #begin(): void {
    const stopListening = this.#deps.plugin.onChange?.(() => this.#listChanged())
    this.#stop.signal.addEventListener('abort', () => stopListening?.(), { once: true })
    this.#loop = this.#run()
  }

  get path(): string {
    return this.#generation?.path ?? ''
  }

  get streaming(): boolean {
    return this.#accepted && this.#streams > 0
  }

  get #streams(): number {
    return this.#generation?.streams.count ?? 0
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#bell.ring()
    await this.#loop
    this.#hold.release()
    this.#watch[Symbol.dispose]()
    await this.#closeRetired()
    await this.#generation?.close()
    this.#hold.release()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step()
      } catch (error) {
        this.#deps.onEvent({ event: 'error', reason: reasonOf(error) })
        await this.#bell.wait(this.#hold.backOff())
      }
      const { pollMs } = this.#deps
      await this.#bell.wait(this.streaming ? pollMs : Math.min(pollMs, UNSETTLED_POLL_MS))
    }
  }

  async #step(): Promise<void> {
    await this.#watch.refresh()
    if (!(await this.#generation?.isBound())) {
      await this.#renew()
      this.#hold.reset()
    }
    const kubelet = await socketIdentity(this.#kubeletPath)
    if (kubelet !== this.#kubelet) {
      this.#kubelet = kubelet
      this.#accepted = false
      this.#hold.reset()
    }
    if (kubelet === undefined) this.#tellAbsence()
    else if (!this.streaming && !this.#hold.holding) await this.#register()
  }

  #tellAbsence(): void {
    if (this.#toldAbsence) return
    this.#toldAbsence = true
    this.#deps.onEvent({ event: 'kubelet-absent', path: this.#kubeletPath })
  }

  /** Binds the next socket before the one before it is closed: that one may still carry a stream. */
  async #renew(): Promise<void> {
    const { plugin, list, directory, stem, onEvent } = this.#deps
    await mkdir(directory, { recursive: true, mode: 0o750 })
    const endpoint = `${stem}-${randomBytes(4).toString('hex')}.sock`
    const next = await openGeneration({
      plugin,
      list,
      directory,
      onEvent,
      endpoint,
      streams: {
        onOpen: ({ deviceOf, healthy }) => {
          onEvent({ event: 'streaming', devices: deviceOf.size, healthy })
          this.#hold.release()
          this.#bell.ring()
        },
        onSettled: () => this.#hold.forget(),
        onEnd: () => this.#streamEnded(endpoint),
        onError: error => onEvent({ event: 'error', reason: reasonOf(error) }),
      },
    })
    if (this.#generation !== undefined) this.#retired.add(this.#generation)
    this.#generation = next
    this.#accepted = false
    this.#nameUsed = false
  }

  #streamEnded(endpoint: string): void {
    if (this.#stop.signal.aborted) return
    this.#deps.onEvent({ event: 'stream-ended' })
    const isCurrent = endpoint === this.#generation?.endpoint
    if (isCurrent && this.#accepted && this.#streams === 0) this.#hold.backOff(STREAM_ENDED_MS)
    this.#bell.ring()
  }

  #listChanged(): void {
    for (const generation of this.#retired) generation.streams.sendAll()
    this.#generation?.streams.sendAll()
    if (this.#generation?.hasOldOptions()) {
      this.#accepted = false
      this.#bell.ring()
    }
  }

  /**
   * Each name is registered once: a kubelet that still has a client on the socket refuses it, and after that misses the end of
   * that client's stream and refuses the name for ever.
   */
  async #register(): Promise<void> {
    const { plugin, onEvent } = this.#deps
    if (this.#nameUsed) {
      await this.#renew()
      await this.#closeUnused()
    }
    const endpoint = this.#generation?.endpoint ?? ''
    const client = unixClient(this.#kubeletPath)
    const request = create(RegisterRequestSchema, {
      version: API_VERSION,
      endpoint,
      resourceName: plugin.resourceName,
      options: {},
    })
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REGISTER_TIMEOUT_MS)])
    try {
      await callUnary(client, registrationService.register, request, { signal })
      this.#accepted = true
      this.#nameUsed = true
      this.#toldAbsence = false
      if (this.#streams === 0) this.#hold.for(STREAM_DUE_MS)
      onEvent({ event: 'registered', resource: plugin.resourceName, endpoint })
      await this.#closeRetired()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      if (wasDialled(error)) this.#nameUsed = true
      onEvent({
        event: 'register-failed',
        reason: reasonOf(error),
        retryMs: this.#hold.backOff(),
      })
    } finally {
      client.close()
    }
  }

  /** Of the refused ones, which no kubelet follows. */
  async #closeUnused(): Promise<void> {
    const unused = [...this.#retired].filter(({ streams }) => streams.count === 0)
    for (const generation of unused) this.#retired.delete(generation)
    await Promise.all(unused.map(generation => generation.close()))
  }

  async #closeRetired(): Promise<void> {
    const retired = [...this.#retired]
    this.#retired.clear()
    await Promise.all(retired.map(generation => generation.close()))
  }
}

/** Whether the kubelet may have got the request. */
function wasDialled(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error && error.code === status.UNAVAILABLE)
}
