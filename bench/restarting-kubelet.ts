import { mkdir } from 'node:fs/promises'
import { type StandInKubelet, startStandInKubelet } from '../packages/kubelet/src/index.ts'

/** A stand-in kubelet for one plugin, in a directory of its own: it restarts, and says when all that the plugin offers is registered. */
export class RestartingKubelet implements AsyncDisposable {
  readonly directory: string
  readonly #resources: readonly string[]
  readonly #missing = new Set<string>()
  #kubelet: StandInKubelet | undefined
  #onRegistered: () => void = () => undefined

  private constructor(directory: string, resources: readonly string[]) {
    this.directory = directory
    this.#resources = resources
  }

  static async start(directory: string, resources: readonly string[]): Promise<RestartingKubelet> {
    const kubelet = new RestartingKubelet(directory, resources)
    await mkdir(directory)
    await kubelet.start()
    return kubelet
  }

  /** Answers when its socket was there, by the clock of `performance`. */
  async start(): Promise<number> {
    let listeningAt = Number.NaN
    this.#kubelet = await startStandInKubelet({
      directory: this.directory,
      onEvent: event => {
        if (event.event === 'listening') listeningAt = performance.now()
        if (event.event !== 'registered') return
        this.#missing.delete(event.resource)
        if (this.#missing.size === 0) this.#onRegistered()
      },
    })
    return listeningAt
  }

  /** Ends it, and removes its socket. */
  async stop(): Promise<void> {
    await this.#kubelet?.[Symbol.asyncDispose]()
    this.#kubelet = undefined
  }

  /** Resolves when each of the plugin's resources has been registered after this call. */
  registered(signal: AbortSignal): Promise<void> {
    for (const resource of this.#resources) this.#missing.add(resource)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#onRegistered = resolve
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    return promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
