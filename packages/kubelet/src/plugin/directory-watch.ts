import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { absent } from '../socket-file.ts'

/** Calls `onChange` when an entry of a directory comes or goes. A directory that was made anew is watched anew after `refresh`. */
export class DirectoryWatch implements Disposable {
  readonly #path: string
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  #watched: string | undefined

  constructor(path: string, onChange: () => void) {
    this.#path = path
    this.#onChange = onChange
  }

  async refresh(): Promise<void> {
    const found = await stat(this.#path, { bigint: true }).catch(absent)
    const identity = found && `${found.dev}:${found.ino}:${found.birthtimeNs}`
    if (identity === this.#watched) return
    this[Symbol.dispose]()
    if (identity === undefined) return
    this.#watched = identity
    this.#watcher = watch(this.#path, this.#onChange)
    // Without inotify there is still the poll.
    this.#watcher.on('error', () => this.#watcher?.close())
    this.#onChange()
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#watched = undefined
  }
}
