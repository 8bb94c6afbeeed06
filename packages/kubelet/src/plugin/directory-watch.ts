import { type FSWatcher, statSync, watch } from 'node:fs'

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

  refresh(): void {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    const identity = found && `${found.dev}:${found.ino}:${found.birthtimeNs}`
    if (identity === this.#watched) return
    this[Symbol.dispose]()
    if (identity === undefined) return
    try {
      this.#watcher = watch(this.#path, this.#onChange)
    } catch {
      return // the machine's inotify instances are spent (fs.inotify.max_user_instances): there is still the poll, which tries again
    }
    this.#watched = identity
    this.#watcher.on('error', () => this.#watcher?.close())
    this.#onChange()
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#watched = undefined
  }
}
