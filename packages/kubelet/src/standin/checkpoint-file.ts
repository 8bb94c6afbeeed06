import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { absent } from '../socket-file.ts'
import { type Checkpoint, encodeCheckpoint, parseCheckpoint } from './checkpoint.ts'

/** Not the kubelet's name, whose format is another. */
export const CHECKPOINT_FILE = 'standin_internal_checkpoint'

/** The checkpoint in the `device-plugins` directory. Writes follow each other; each is whole or not there. */
export class CheckpointFile {
  readonly path: string
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(directory: string) {
    this.path = join(directory, CHECKPOINT_FILE)
  }

  /**
   * The last checkpoint, or `undefined` if there is none. One that cannot be read is renamed, and told to `onSetAside`.
   *
   * @throws {KubeletError} `ERR_KUBELET_CHECKPOINT` if the file cannot be moved out of the way
   */
  async read(
    onSetAside: (fault: { path: string; reason: string }) => void,
  ): Promise<Checkpoint | undefined> {
    try {
      const text = await readFile(this.path, 'utf8').catch(absent)
      return text === undefined ? undefined : parseCheckpoint(text)
    } catch (error) {
      const path = `${this.path}.unreadable`
      await rename(this.path, path).catch((cause: unknown) => {
        throw new KubeletError('ERR_KUBELET_CHECKPOINT', `cannot move ${this.path} away`, { cause })
      })
      onSetAside({ path, reason: reasonOf(error) })
      return undefined
    }
  }

  /**
   * Writes what `read` answers when its turn has come; calls that wait for the same turn share it.
   *
   * @throws {KubeletError} `ERR_KUBELET_CHECKPOINT`
   */
  write(read: () => Checkpoint): Promise<void> {
    this.#next ??= this.#last.then(async () => {
      this.#next = undefined
      await this.#replace(encodeCheckpoint(read()))
    })
    this.#last = this.#next.catch(() => undefined)
    return this.#next
  }

  /** Resolves once nothing is being written. */
  async settled(): Promise<void> {
    await this.#last
  }

  async #replace(text: string): Promise<void> {
    const fresh = `${this.path}.${randomBytes(4).toString('hex')}`
    try {
      await writeFile(fresh, text, { mode: 0o600 })
      await rename(fresh, this.path)
    } catch (cause) {
      await rm(fresh, { force: true })
      const detail = `cannot write ${this.path}: ${reasonOf(cause)}`
      throw new KubeletError('ERR_KUBELET_CHECKPOINT', detail, { cause })
    }
  }
}
