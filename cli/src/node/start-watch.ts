import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeError } from './node-error.ts'

const READY_MS = 15_000
/** A role that ends this often before the node is ready is not worth waiting for. */
const RESTARTS = 3

/** Gives a node's start up when a role ends again and again, or when it takes too long, and says why. */
export class StartWatch {
  readonly #controller = new AbortController()
  readonly #logs: string
  readonly #restarts = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  constructor(logs: string) {
    this.#logs = logs
    this.#timer = setTimeout(() => {
      const late = `the node did not get ready in ${READY_MS / 1000} s; the logs in ${logs} say how far it got`
      this.#controller.abort(new NodeError('ERR_NODE_NOT_READY', late))
    }, READY_MS)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  onRestart(name: string, how: string): void {
    const restarts = (this.#restarts.get(name) ?? 0) + 1
    this.#restarts.set(name, restarts)
    if (restarts < RESTARTS) return
    const log = join(this.#logs, `${name}.log`)
    const said = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? ''
    const failing = `${name} ended ${restarts} times (${how}), saying: ${said.slice(0, 500)}; its log is ${log}`
    this.#controller.abort(new NodeError('ERR_NODE_NOT_READY', failing))
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
