import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeRegistered, isStandIns, KUBELET_CHECKPOINT } from '../kubelet-checkpoint.ts'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { absent } from '../socket-file.ts'
import { type Checkpoint, encodeCheckpoint, parseCheckpoint } from './checkpoint.ts'

/** Not the kubelet's name: what the stand-in must know again is more, and in another form. */
export const CHECKPOINT_FILE = 'standin_internal_checkpoint'

/**
 * The checkpoint in the `device-plugins` directory. Writes follow each other; each is whole or not there. Beside it, in the kubelet's
 * place and form, is written which devices are registered, for plugins that look; unless a kubelet's own file is there.
 */
export class CheckpointFile {
  readonly path: string
  readonly #kubeletsPath: string
  #isKubelets: boolean | undefined
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(directory: string) {
    this.path = join(directory, CHECKPOINT_FILE)
    this.#kubeletsPath = join(directory, KUBELET_CHECKPOINT)
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
      const checkpoint = read()
      await replace(this.path, encodeCheckpoint(checkpoint))
      this.#isKubelets ??= await this.#hasKubelets()
      if (!this.#isKubelets) {
        await replace(this.#kubeletsPath, encodeRegistered(checkpoint.registered))
      }
    })
    this.#last = this.#next.catch(() => undefined)
    return this.#next
  }

  /** Resolves once nothing is being written. */
  async settled(): Promise<void> {
    await this.#last
  }

  async #hasKubelets(): Promise<boolean> {
    const text = await readFile(this.#kubeletsPath, 'utf8').catch(absent)
    return text !== undefined && !isStandIns(text)
  }
}

async function replace(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(fresh, text, { mode: 0o600 })
    await rename(fresh, path)
  } catch (cause) {
    await rm(fresh, { force: true })
    const detail = `cannot write ${path}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_CHECKPOINT', detail, { cause })
  }
}
