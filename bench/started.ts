import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readCpuMs } from './process-figures.ts'

/** A process under measurement. Disposing of it ends it. */
export interface Started extends AsyncDisposable {
  readonly pid: number
  /** From just before fork to when it was ready, in ms. */
  readonly startMs: number
  /** Running time of its threads until then, in ms: unlike `startMs`, hardly dependent on what else the machine does. */
  readonly startCpuMs: number
}

export interface Startable {
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Flags for Node itself. */
  readonly flags?: readonly string[]
  /** Resolves once the process does its work; the child may be used to read what it says. */
  readonly ready: (child: ChildProcess, signal: AbortSignal) => Promise<void>
}

const READY_WITHIN_MS = 10_000

/** Starts a process under the Node of this one, with an environment of its own only, and waits until it is ready. */
export async function start({ args, environment, flags, ready }: Startable): Promise<Started> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...(flags ?? []), ...args], {
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  try {
    await ready(child, AbortSignal.timeout(READY_WITHIN_MS))
    const startMs = performance.now() - startedAt
    const { pid } = child
    if (pid === undefined) throw new Error('not started')
    const startCpuMs = await readCpuMs(pid)
    child.stdout.resume()
    return { pid, startMs, startCpuMs, [Symbol.asyncDispose]: stop }
  } catch (cause) {
    await stop()
    throw new Error(`not ready within ${READY_WITHIN_MS} ms: ${args.join(' ')}`, { cause })
  }
}

/** Ready with the first line of output. */
export async function firstLine(child: ChildProcess, signal: AbortSignal): Promise<void> {
  if (child.stdout === null) throw new TypeError('the output is not piped')
  await once(child.stdout, 'data', { signal })
}
