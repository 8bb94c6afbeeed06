import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import type { Role } from './roles.ts'

/** A line of a role's log, as it tells it to its supervisor. */
export type LogEvent = Readonly<Record<string, unknown>>

export interface SupervisorListeners {
  onRestart(name: string, how: string): void
  onEvent(event: LogEvent): void
}

export interface Supervised extends AsyncDisposable {
  readonly name: string
  readonly pid: number | undefined
}

const FIRST_DELAY_MS = 50
/** A role that was killed again and again still has to be back within 2 s. */
const LONGEST_DELAY_MS = 1000
/** A process that lived this long is started again without delay. */
const SETTLED_MS = 10_000
/** Clearly longer than a role's own grace for what it started: the stand-in kubelet gives its programs 2 s. */
const STOP_MS = 5000

/**
 * Starts a role and starts it again whenever it ends. It notices by its IPC channel when this process is killed, and it
 * is out of the terminal's process group: Ctrl-C reaches this process only, which ends its roles in order.
 *
 * @param program path of the program that knows the roles
 * @param logPath file for what it prints, from this start on
 */
export async function supervise(
  role: Role,
  program: string,
  logPath: string,
  listeners: SupervisorListeners,
): Promise<Supervised> {
  const supervisor = new Supervisor(role, program, await open(logPath, 'w', 0o600), listeners)
  supervisor.start()
  return supervisor
}

class Supervisor implements Supervised {
  readonly #role: Role
  readonly #program: string
  readonly #log: FileHandle
  readonly #listeners: SupervisorListeners
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #delayMs = 0
  #stopping = false

  constructor(role: Role, program: string, log: FileHandle, listeners: SupervisorListeners) {
    this.#role = role
    this.#program = program
    this.#log = log
    this.#listeners = listeners
  }

  get name(): string {
    return this.#role.name
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [this.#program, ...this.#role.args], {
      stdio: ['ignore', this.#log.fd, this.#log.fd, 'ipc'],
      env: { ...this.#role.environment },
      detached: true,
    })
    this.#child = child
    child.on('message', message => {
      const event = logEvent(message)
      if (event !== undefined) this.#listeners.onEvent(event)
    })
    child.on('error', error => this.#ended(error.message, startedAt))
    child.on('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`, startedAt))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exit
      clearTimeout(timer)
    }
    await this.#log.close()
  }

  #ended(how: string, startedAt: number): void {
    this.#child = undefined
    if (this.#stopping) return
    this.#delayMs =
      performance.now() - startedAt > SETTLED_MS
        ? 0
        : Math.min(Math.max(FIRST_DELAY_MS, this.#delayMs * 2), LONGEST_DELAY_MS)
    this.#listeners.onRestart(this.name, how)
    this.#timer = setTimeout(() => this.start(), this.#delayMs)
  }
}

function logEvent(message: unknown): LogEvent | undefined {
  return typeof message === 'object' && message !== null ? { ...message } : undefined
}
