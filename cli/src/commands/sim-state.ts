import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createPcs,
  encodePlatformState,
  encodePublication,
  firstPublication,
  isPlatformId,
  newPlatformState,
  type PlatformState,
  type Publication,
  parsePlatformState,
  parsePublication,
  parseStoredAuthorities,
  type StoredAuthorities,
} from '@alcove/simulator'
import { UsageError } from '../exit.ts'

// The simulated platforms' files in the state directory: docs/formats/simulated-pki.md.

const MODE = 0o600

/** @throws {UsageError} for a name that is no platform's */
export function requirePlatformId(id: string): string {
  if (isPlatformId(id)) return id
  throw new UsageError(
    `platform '${id}': want 1 to 63 lower-case letters, digits and inner hyphens`,
  )
}

/** The simulated authorities' certificates: kept, so that every platform of a state directory has one root certificate. */
export async function readAuthorities(
  state: string,
  seed: Uint8Array,
  now: Date,
): Promise<StoredAuthorities> {
  const path = join(state, 'authorities.json')
  if ((await orAbsent(readFile(path))) === undefined) {
    await createFile(path, JSON.stringify(createPcs({ seed, now }).stored()))
  }
  return parseStoredAuthorities(await readFile(path, 'utf8'))
}

/** What the simulated PCS has published by now. */
export function readPublication(state: string): Publication {
  const path = publicationPath(state)
  const json = readIfThere(path)
  return json === undefined ? firstPublication : parsePublication(path, json)
}

export async function writePublication(state: string, publication: Publication): Promise<void> {
  await replaceFile(publicationPath(state), encodePublication(publication))
}

/** What a platform runs; one that is new to the state directory is current, and is noted there. */
export async function openPlatformState(state: string, id: string): Promise<PlatformState> {
  await mkdir(join(state, 'platforms'), { recursive: true, mode: 0o700 })
  const fresh = newPlatformState(id, readPublication(state))
  await createFile(platformPath(state, id), encodePlatformState(fresh))
  return readPlatformState(state, id)
}

export function readPlatformState(state: string, id: string): PlatformState {
  const path = platformPath(state, id)
  return parsePlatformState(path, readFileSync(path, 'utf8'))
}

export async function writePlatformState(state: string, platform: PlatformState): Promise<void> {
  await replaceFile(platformPath(state, platform.platformId), encodePlatformState(platform))
}

/** Every platform that has been started with this state directory. */
export async function platformIds(state: string): Promise<string[]> {
  const names = (await orAbsent(readdir(join(state, 'platforms')))) ?? []
  return names
    .filter(name => name.endsWith('.json'))
    .map(name => name.slice(0, -'.json'.length))
    .filter(isPlatformId)
    .toSorted()
}

/** Says where this process serves a platform, for as long as it does. What processes said that were killed is removed. */
export async function announce(
  state: string,
  id: string,
  socket: string,
): Promise<AsyncDisposable> {
  const directory = join(state, 'platforms')
  const stale = (await readdir(directory)).filter(name => {
    const pid = /\.(\d+)\.socket$/.exec(name)?.[1]
    return pid !== undefined && !isProcess(Number(pid))
  })
  for (const name of stale) await rm(join(directory, name), { force: true })
  const path = join(directory, `${id}.${process.pid}.socket`)
  await writeFile(path, socket, { mode: MODE })
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !hasCode(cause, 'ESRCH')
  }
}

/** Where processes said that they serve a platform. One that was killed may have left its word behind. */
export async function announcedSockets(state: string, id: string): Promise<string[]> {
  const directory = join(state, 'platforms')
  const names = (await orAbsent(readdir(directory))) ?? []
  const ours = names.filter(name => name.startsWith(`${id}.`) && name.endsWith('.socket'))
  const sockets = await Promise.all(
    ours.map(name => orAbsent(readFile(join(directory, name), 'utf8'))),
  )
  return sockets.filter(socket => socket !== undefined)
}

function publicationPath(state: string): string {
  return join(state, 'pcs.json')
}

function platformPath(state: string, id: string): string {
  return join(state, 'platforms', `${id}.json`)
}

/** Makes a file whole, unless there is one: of two processes that start at once, one makes it. */
async function createFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`
  await writeFile(draft, text, { mode: MODE })
  try {
    await link(draft, path)
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause
  } finally {
    await rm(draft, { force: true })
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`
  await writeFile(draft, text, { mode: MODE })
  await rename(draft, path)
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

async function orAbsent<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code
}
