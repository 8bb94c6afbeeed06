import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A directory for a node that lives as long as this process, removed at its end. What a process that was killed left
 * there is removed now.
 */
export async function ownNodeDirectory(state: string): Promise<{ path: string } & AsyncDisposable> {
  const all = join(state, 't')
  await removeLeftovers(state)
  const path = join(all, String(process.pid))
  await mkdir(path, { recursive: true, mode: 0o700 })
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Removes the directories of processes that are no more. */
export async function removeLeftovers(state: string): Promise<void> {
  const all = join(state, 't')
  const names = await readdir(all).catch(() => [])
  for (const name of names) {
    if (/^\d+$/.test(name) && !isAlive(Number(name)))
      await rm(join(all, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
