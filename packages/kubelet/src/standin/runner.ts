import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { mergeAllocations } from '../allocation.ts'
import type { ContainerAllocation } from '../device-plugin.ts'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { layOut } from './lay-out.ts'

/** Names the directory below which a program finds what it was allocated. */
const ROOT_VARIABLE = 'ALCOVE_ROOT'
const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin'
const KILL_AFTER_MS = 2_000

export interface RunProgramOptions {
  /** One per resource; of two that set the same key, the first wins. */
  readonly allocations: readonly ContainerAllocation[]
  /** Made for the program with mode 0700, and removed after it; it must not exist. */
  readonly directory: string
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly cwd: string
  /** Wins over what the plugins set; `PATH` has a plain default. */
  readonly env: Readonly<Record<string, string>>
  /** The program's next output waits until this has resolved. */
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => Promise<void> | void
  readonly onStart?: (pid: number) => void
  /** Stops the program: SIGTERM, and SIGKILL 2 s later. */
  readonly signal: AbortSignal
}

/** How a program ended: by itself with a code, or by a signal. */
export interface ProgramExit {
  readonly code: number | null
  readonly signal: string | null
}

/**
 * Runs a program that sees only what it was allocated, below a directory of its own that `ALCOVE_ROOT` names. Nothing of this
 * process's environment reaches it. Its IPC channel (`NODE_CHANNEL_FD`) closes when this process dies. Whatever it has
 * started ends with it. CDI devices are left out: to apply their edits is a container runtime's work.
 *
 * @throws {KubeletError} `ERR_KUBELET_PROGRAM` if it cannot be started; `ERR_KUBELET_ALLOCATION`
 */
export async function runProgram(options: RunProgramOptions): Promise<ProgramExit> {
  const { directory, signal } = options
  signal.throwIfAborted()
  const allocation = mergeAllocations(options.allocations)
  await mkdir(directory, { mode: 0o700 }).catch((cause: unknown) => {
    const detail = `cannot make the program's directory ${directory}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_PROGRAM', detail, { cause })
  })
  try {
    await layOut(directory, allocation)
    const env = {
      PATH: SEARCH_PATH,
      ...allocation.envs,
      ...options.env,
      [ROOT_VARIABLE]: directory,
    }
    const child = await start(options, env)
    return await untilExit(child, options)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function start(
  { command, cwd, onStart }: RunProgramOptions,
  env: Record<string, string>,
): Promise<ChildProcess> {
  const [program, ...args] = command
  try {
    if (program === undefined) throw new Error('the command is empty')
    // A process group of its own: a signal reaches all of it, a terminal's Ctrl-C none of it.
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const
    const child = spawn(program, args, { cwd, env, detached: true, stdio: [...stdio] })
    await once(child, 'spawn')
    if (child.pid !== undefined) onStart?.(child.pid)
    return child
  } catch (cause) {
    const detail = `cannot start ${program ?? 'nothing'} in ${cwd}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_PROGRAM', detail, { cause })
  }
}

async function untilExit(
  child: ChildProcess,
  { onOutput, signal }: RunProgramOptions,
): Promise<ProgramExit> {
  let kill: NodeJS.Timeout | undefined
  const stop = (): void => {
    signalGroup(child, 'SIGTERM')
    kill = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS)
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  // What the program has started and left behind holds its output open.
  const endRest = (): void => signalGroup(child, 'SIGKILL')
  child.once('exit', endRest)
  try {
    const [[code, endSignal]]: [unknown[], ...unknown[]] = await Promise.all([
      once(child, 'exit'),
      forward(child.stdout, text => onOutput('stdout', text)),
      forward(child.stderr, text => onOutput('stderr', text)),
    ])
    return {
      code: typeof code === 'number' ? code : null,
      signal: typeof endSignal === 'string' ? endSignal : null,
    }
  } catch (error) {
    endRest()
    throw error
  } finally {
    clearTimeout(kill)
    signal.removeEventListener('abort', stop)
  }
}

async function forward(
  stream: Readable | null,
  take: (text: string) => Promise<void> | void,
): Promise<void> {
  if (stream === null) return
  stream.setEncoding('utf8')
  for await (const text of stream) await take(String(text))
}

/** To the program and all that it has started; none of it may be left. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
