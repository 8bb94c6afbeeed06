import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { glob, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { lockDirectory } from './directory-lock.ts'

const MARKER = 'complete.json'
const BUILDING = 'building-'

/** What an entry holds, written when all of it is there. */
const Marker = z.strictObject({
  files: z.array(
    z.strictObject({ path: z.string(), bytes: z.int().min(0), sha256: z.string().length(64) }),
  ),
})
type Marker = z.infer<typeof Marker>

export interface FillEntry {
  readonly cache: string
  readonly name: string
  /** Writes the entry's files below the directory. */
  readonly fill: (directory: string) => Promise<void>
  readonly signal: AbortSignal
  readonly onWait: () => void
}

/**
 * The directory of a cache entry: complete, or not there at all.
 *
 * It is filled beside its place and renamed into it, by one run at a time; a run that was killed leaves a directory that
 * nobody mistakes for an entry, and the next one to build removes it.
 */
export async function ensureEntry({
  cache,
  name,
  fill,
  signal,
  onWait,
}: FillEntry): Promise<string> {
  const directory = join(cache, name)
  if (await isComplete(directory)) return directory
  await mkdir(cache, { recursive: true })
  await using _lock = await lockDirectory(cache, signal, onWait)
  if (await isComplete(directory)) return directory
  await removeUnfinished(cache)
  const draft = await mkdtemp(join(cache, BUILDING))
  try {
    await fill(draft)
    await writeFile(join(draft, MARKER), `${JSON.stringify(await describe(draft), undefined, 2)}\n`)
    await rm(directory, { recursive: true, force: true })
    await rename(draft, directory)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return directory
}

/** Whether every file of an entry is there with its size; what a crash of the machine cut short is not. */
export async function isComplete(directory: string): Promise<boolean> {
  const marker = await readMarker(directory)
  if (marker === undefined) return false
  const sizes = await Promise.all(marker.files.map(({ path }) => sizeOf(join(directory, path))))
  return marker.files.every(({ bytes }, index) => sizes[index] === bytes)
}

/** Removes what runs that were killed have left. The caller holds the lock, so nobody is building. */
export async function removeUnfinished(cache: string): Promise<void> {
  for (const one of await Array.fromAsync(glob(`${BUILDING}*`, { cwd: cache })))
    await rm(join(cache, one), { recursive: true, force: true })
}

async function readMarker(directory: string): Promise<Marker | undefined> {
  let text: string
  try {
    text = await readFile(join(directory, MARKER), 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
  try {
    return Marker.parse(JSON.parse(text))
  } catch (error) {
    // Cut short by a crash, or of another release of this file: as good as none.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}

async function describe(directory: string): Promise<Marker> {
  const entries = await Array.fromAsync(glob('**', { cwd: directory, withFileTypes: true }))
  const paths = entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()
  const files: Marker['files'] = []
  for (const path of paths) files.push({ path, ...(await digest(join(directory, path))) })
  return { files }
}

async function digest(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
