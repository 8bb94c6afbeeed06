// Over 300 lines: one loop over one state; what it looks at and what it does are in files of their own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CurrentList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import { reasonOf } from '../kubelet-error.ts'
import { KUBELET_SOCKET } from '../rpc.ts'
import { isLive, socketLife } from '../socket-file.ts'
import { type Claim, Claims, claimEvent } from './claim.ts'
import { DirectoryWatch } from './directory-watch.ts'
import { Doorbell } from './doorbell.ts'
import { type Generation, openGeneration } from './generation.ts'
import { Hold } from './hold.ts'
import type { PluginEvent } from './plugin-event.ts'
import { Pulse } from './pulse.ts'
import { mayHaveArrived, registerWith } from './register-call.ts'
import { type Instance, socketName } from './socket-name.ts'
import type { Timing } from './timing.ts'

/**
 * How often to look while the kubelet does not stream, or somebody else has the resource: the next pod that
 * the kubelet admits is rejected without it.
 */
const UNSETTLED_POLL_MS = 100
/** The kubelet starts its stream right after Register. */
const STREAM_DUE_MS = 2_000

interface Deps {
  readonly plugin: DevicePlugin
  readonly list: CurrentList
  readonly directory: string
  readonly instance: Instance
  readonly timing: Timing
  readonly onEvent: (event: PluginEvent) => void
}

/**
 * Keeps a plugin served and registered. One loop looks at four things, whenever something stirs and at every poll: is the
 * own socket still there, is the kubelet's socket another one than before, does somebody else serve the resource, does the
 * kubelet stream.
 */
export class Registration implements AsyncDisposable {
  readonly #deps: Deps
  readonly #kubeletPath: string
  readonly #stop = new AbortController()
  readonly #bell = new Doorbell()
  readonly #hold = new Hold(() => this.#bell.ring())
  readonly #watch: DirectoryWatch
  /** No kubelet is told of them any more; one may still follow their streams. */
  readonly #retired = new Set<Generation>()
  #generation: Generation | undefined
  readonly #claims: Claims
  #pulse: Pulse | undefined
  /** The kubelet's socket as last seen; `undefined` if there was none. */
  #kubelet: string | undefined
  /** Who else serves the resource: meanwhile no list is sent and nothing registered, but the streams are left open. */
  #claim: Claim | undefined
  /** Until then a claim stands unexamined; by the clock of `performance`. */
  #giveWayUntil = 0
  #lookAt = 0
  #lives = 0
  #registrations = 0
  #lastError: string | undefined
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
    const { directory, instance, list, plugin } = deps
    this.#claims = new Claims({
      directory,
      resource: plugin.resourceName,
      instance,
      list,
      onUnreadable: reason => this.#tell({ event: 'error', reason }),
    })
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
    this.#pulse = new Pulse({
      path: this.#kubeletPath,
      everyMs: this.#deps.timing.pulseMs,
      isWanted: () => this.#followed,
      onChange: silent => this.#pulseChanged(silent),
    })
  }

  get path(): string {
    return this.#generation?.path ?? ''
  }

  get streaming(): boolean {
    return this.#followed && this.#claim === undefined && !this.#pulse?.silent
  }

  get superseded(): boolean {
    return this.#claim?.by === 'newer-instance'
  }

  get registrations(): number {
    return this.#registrations
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** The kubelet has accepted this generation and has a stream. */
  get #followed(): boolean {
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
    await this.#pulse?.[Symbol.asyncDispose]()
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
        this.#tell({ event: 'error', reason: reasonOf(error) })
        await this.#bell.wait(this.#hold.backOff())
      }
      const { pollMs } = this.#deps.timing
      const settled = this.#followed && this.#claim === undefined
      await this.#bell.wait(settled ? pollMs : Math.min(pollMs, UNSETTLED_POLL_MS))
    }
  }

  async #step(): Promise<void> {
    this.#watch.refresh()
    if (!this.#generation?.isBound()) {
      await this.#renew()
      this.#hold.reset()
    }
    const kubelet = socketLife(this.#kubeletPath)
    if (kubelet?.identity !== this.#kubelet) {
      this.#kubelet = kubelet?.identity
      this.#accepted = false
      this.#hold.reset()
      if (this.#claim !== undefined) {
        this.#giveWayUntil = performance.now() + this.#deps.timing.giveWayMs
      }
    }
    if (kubelet === undefined) {
      this.#tellAbsence()
      return
    }
    await this.#lookForOthers(kubelet.bornNs)
    if (this.#claim === undefined && !this.#followed && !this.#hold.holding) await this.#register()
    await this.#closeUnused()
  }

  async #lookForOthers(kubeletSinceNs: bigint): Promise<void> {
    const now = performance.now()
    const undecided = this.#claim === undefined && this.#hold.holding
    if (undecided || now < this.#giveWayUntil) return
    const newer = await this.#claims.newerInstance()
    if (
      newer !== undefined ||
      this.#claim !== undefined ||
      !this.#followed ||
      now >= this.#lookAt
    ) {
      this.#lookAt = now + this.#deps.timing.lookMs
      const claim = newer ?? (await this.#claims.otherPlugin(kubeletSinceNs))
      // A kubelet that starts deletes everybody's sockets: until it listens, that nobody else is there means nothing.
      const ended = claim === undefined && this.#claim !== undefined
      if (!ended || (await isLive(this.#kubeletPath))) this.#settleClaim(claim)
    }
  }

  #settleClaim(claim: Claim | undefined): void {
    const before = this.#claim
    this.#claim = claim
    if (claim !== undefined && claim.by !== before?.by) {
      this.#tell(claimEvent(claim, this.#deps.plugin.resourceName))
    }
    // A stream that has stayed open is one that the kubelet may have passed over for the other's.
    if (claim === undefined && before !== undefined) this.#accepted = false
  }

  #pulseChanged(silent: boolean): void {
    const path = this.#kubeletPath
    const reason = `the kubelet has a stream, but does not answer on ${path}: it is stopped, or hangs`
    if (silent) this.#tell({ event: 'kubelet-silent', path, reason })
    else this.#tell({ event: 'kubelet-answers', path })
  }

  #tell(event: PluginEvent): void {
    if ('reason' in event) this.#lastError = event.reason
    this.#deps.onEvent(event)
  }

  #tellAbsence(): void {
    if (this.#toldAbsence) return
    this.#toldAbsence = true
    this.#tell({ event: 'kubelet-absent', path: this.#kubeletPath })
  }

  /** Binds the next socket before the one before it is closed: that one may still carry a stream. */
  async #renew(): Promise<void> {
    const { plugin, list, directory, instance } = this.#deps
    const onEvent = (event: PluginEvent): void => this.#tell(event)
    mkdirSync(directory, { recursive: true, mode: 0o750 })
    const endpoint = socketName(instance, this.#lives)
    this.#lives += 1
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
    this.#tell({ event: 'stream-ended' })
    const isCurrent = endpoint === this.#generation?.endpoint
    if (isCurrent && this.#accepted && this.#streams === 0) this.#hold.backOff()
    this.#bell.ring()
  }

  #listChanged(): void {
    if (this.#claim !== undefined) return
    if (this.#streams === 0) {
      for (const generation of this.#retired) generation.streams.sendAll()
    }
    this.#generation?.streams.sendAll()
    if (this.#generation?.hasOldOptions()) {
      this.#accepted = false
      this.#bell.ring()
    }
  }

  /**
   * Each name is registered once: a kubelet that still has a client on the socket refuses it, and after that misses the end of
   * that client's stream and refuses the name for ever.
   *
   * A kubelet deletes every plugin's socket, then listens. Whoever registers a name that went that way waits for ten seconds, which is how long
   * the kubelet dials it. So the own socket is looked at once more after a kubelet was found to listen: before, one may still have been starting.
   */
  async #register(): Promise<void> {
    const { plugin } = this.#deps
    if (await this.#isAbandoned()) return
    if (this.#nameUsed || !this.#generation?.isBound()) await this.#renew()
    const endpoint = this.#generation?.endpoint ?? ''
    try {
      const { resourceName } = plugin
      await registerWith(this.#kubeletPath, { endpoint, resourceName }, this.#stop.signal)
      this.#accepted = true
      this.#nameUsed = true
      this.#toldAbsence = false
      if (this.#streams === 0) this.#hold.for(STREAM_DUE_MS)
      this.#registrations += 1
      this.#tell({ event: 'registered', resource: resourceName, endpoint })
    } catch (error) {
      if (this.#stop.signal.aborted) return
      if (mayHaveArrived(error)) this.#nameUsed = true
      else if (await this.#isAbandoned()) return
      this.#tellFailure(error)
    }
  }

  /** Whether the kubelet's socket is one that was left by a kubelet that has ended: as good as none, and told as such. */
  async #isAbandoned(): Promise<boolean> {
    if (await isLive(this.#kubeletPath)) return false
    this.#hold.backOff()
    this.#tellAbsence()
    return true
  }

  #tellFailure(error: unknown): void {
    this.#tell({
      event: 'register-failed',
      reason: reasonOf(error),
      retryMs: this.#hold.backOff(),
    })
  }

  /**
   * Those that no kubelet follows. One that is followed is left to end by itself: up to 1.35 the end of any stream of a resource
   * makes the kubelet drop the newest.
   */
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
