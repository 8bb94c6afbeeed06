import type { Dirent } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockCache } from './cache-lock.ts'

export interface PruneParts {
  readonly cache: string
  /** Directories of entries, or paths below them, that stay: those of `Parts` that are in use. */
  readonly keep: readonly string[]
  readonly signal: AbortSignal
  readonly onWait: () => void
}

export interface Pruned {
  /** Names of the entries that are gone. */
  readonly removed: readonly string[]
  readonly bytes: number
}

/** Removes from the cache what is not kept, and what runs that were killed have left. Go's own caches are not touched. */
export async function pruneParts({ cache, keep, signal, onWait }: PruneParts): Promise<Pruned> {
  const entries = await directoriesIn(cache)
  if (entries.length === 0) return { removed: [], bytes: 0 }
  await using _lock = await lockCache(cache, signal, onWait)
  const removed: string[] = []
  let bytes = 0
  for (const { name } of await directoriesIn(cache)) {
    const directory = join(cache, name)
    if (keep.some(path => path === directory || path.startsWith(`${directory}/`))) continue
    bytes += await bytesBelow(directory)
    await rm(directory, { recursive: true })
    removed.push(name)
  }
  return { removed, bytes }
}

async function directoriesIn(cache: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(cache, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory())
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  const sizes = entries
    .filter(entry => entry.isFile())
    .map(async entry => (await stat(join(entry.parentPath, entry.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
