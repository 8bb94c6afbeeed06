import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const TAKEN = 75

/**
 * Holds a directory for one run at a time: the cache while it builds, a cluster while it is used. Others wait.
 *
 * The lock is a flock(2) of the file `lock`, held by a process whose standard input is this one's: it ends, and with it
 * the lock, however this process ends, so that there is never a stale one. The file is never removed, because a lock of
 * a removed file excludes nobody.
 *
 * @param onWait called once where another run holds it
 */
export async function lockDirectory(
  directory: string,
  signal: AbortSignal,
  onWait: () => void,
): Promise<AsyncDisposable> {
  const file = join(directory, 'lock')
  const atOnce = await hold(['--nonblock', '--conflict-exit-code', String(TAKEN)], file, signal)
  if (atOnce !== undefined) return atOnce
  onWait()
  const later = await hold([], file, signal)
  if (later === undefined) throw new Error(`flock ${file} ended without the lock`)
  return later
}

/** `undefined` where another process has it and the options say not to wait. */
async function hold(
  options: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<AsyncDisposable | undefined> {
  signal.throwIfAborted()
  const waiting = new AbortController()
  const child = spawn(
    'flock',
    ['--exclusive', '--no-fork', ...options, file, 'sh', '-c', 'echo held; exec cat >/dev/null'],
    // A session of its own: Ctrl-C is for the run, which gives the lock back when it has cleaned up.
    { stdio: ['pipe', 'pipe', 'inherit'], detached: true },
  )
  const ended = once(child, 'close')
  const abort = (): void => void child.kill()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const held = once(child.stdout, 'data', { signal: waiting.signal }).then(() => true)
    if (!(await Promise.race([held, ended.then(() => false)]))) {
      signal.throwIfAborted()
      if (child.exitCode !== TAKEN) throw new Error(`flock ${file}: exit code ${child.exitCode}`)
      return undefined
    }
  } finally {
    signal.removeEventListener('abort', abort)
    waiting.abort()
  }
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await ended
    },
  }
}
