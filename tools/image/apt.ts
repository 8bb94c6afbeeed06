import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished, output } from './command.ts'
import { sha256Hex } from './digest.ts'
import { ImageError } from './image-error.ts'
import type { DebianPackage } from './lock.ts'

/** Debian's package client; it knows the machine's mirrors, proxies and keys. */
const APT_HELPER = '/usr/lib/apt/apt-helper'
const REMEDY =
  'the image takes its libraries through apt: build it on Debian or Ubuntu, or in a container of one, with apt and dpkg'
const LISTS_REMEDY = 'is the network there, and has apt-get update been run?'
/** apt's own user cannot reach a folder of ours; what comes is held against its hash in any case. */
const UNSANDBOXED = ['-o', 'APT::Sandbox::User=root'] as const

/** What apt would download, where from. */
export interface Served {
  readonly uri: string
  readonly bytes: number
  readonly sha256: string
}

/** One line of `--print-uris` that names a file's hash: `'URI' name bytes SHA256:hash`. */
export function parseServed(text: string): Served | undefined {
  const [, uri, bytes, sha256] = /^'([^']+)' \S+ (\d+) SHA256:([0-9a-f]{64})$/m.exec(text) ?? []
  if (uri === undefined || bytes === undefined || sha256 === undefined) return undefined
  return { uri, bytes: Number(bytes), sha256 }
}

/** The roots of the mirrors in apt's sources, from the addresses of their indexes. */
export function parseMirrors(text: string): readonly string[] {
  const roots = Array.from(text.matchAll(/^'([^']+?\/)dists\//gm), ([, root = '']) => root)
  return [...new Set(roots)]
}

/** @throws {ImageError} `ERR_IMAGE_PREREQUISITE`, `ERR_IMAGE_COMMAND` */
export async function mirrors(): Promise<readonly string[]> {
  return parseMirrors(await output('apt-get', ['update', '--print-uris'], LISTS_REMEDY))
}

/**
 * The version of a package that the machine's mirrors serve now.
 *
 * @throws {ImageError} `ERR_IMAGE_DOWNLOAD` where there is none; `ERR_IMAGE_PREREQUISITE`, `ERR_IMAGE_COMMAND`
 */
export async function servedPackage(
  name: string,
  roots: readonly string[],
): Promise<DebianPackage> {
  const served = await printUris(`${name}:amd64`)
  const root = roots.find(one => served?.uri.startsWith(one))
  if (served === undefined || root === undefined) {
    throw new ImageError('ERR_IMAGE_DOWNLOAD', `apt knows no ${name}:amd64; ${LISTS_REMEDY}`)
  }
  const file = decodeURIComponent(served.uri.slice(root.length))
  const version = /_([^_]+)_[^_]+\.deb$/.exec(file)?.[1] ?? ''
  return {
    name,
    version: decodeURIComponent(version),
    file,
    bytes: served.bytes,
    sha256: served.sha256,
  }
}

async function printUris(what: string): Promise<Served | undefined> {
  const { code, stdout } = await finished('apt-get', ['download', '--print-uris', what], REMEDY)
  return code === 0 ? parseServed(stdout) : undefined
}

/**
 * The file of a package, from the cache or a mirror; its hash is what was asked for.
 *
 * Asked are, in turn, the address that apt knows for this version, and the same file below every mirror of the machine:
 * a pool holds the versions of several Debian releases, whichever of them the machine runs.
 *
 * @param roots the mirrors' roots; asked for only where the cache has not got the file
 * @returns the path of the file; `undefined` if no mirror has it any more
 * @throws {ImageError} `ERR_IMAGE_DOWNLOAD` where it could not be found out, or a mirror serves other bytes
 */
export async function download(
  wanted: DebianPackage,
  roots: () => Promise<readonly string[]>,
  cache: string,
): Promise<string | undefined> {
  const file = join(cache, `${wanted.sha256}.deb`)
  if (await holds(file, wanted.sha256)) return file
  await mkdir(cache, { recursive: true })
  const known = await printUris(`${wanted.name}:amd64=${wanted.version}`)
  const addresses = new Set([
    ...(known?.sha256 === wanted.sha256 ? [known.uri] : []),
    ...(await roots()).map(root => root + wanted.file.replaceAll('+', '%2b')),
  ])
  const draft = `${file}.${process.pid}`
  try {
    for (const address of addresses) {
      if (!(await fetched(address, draft, wanted))) continue
      await rename(draft, file)
      return file
    }
  } finally {
    await rm(draft, { force: true })
  }
  return undefined
}

async function fetched(address: string, draft: string, wanted: DebianPackage): Promise<boolean> {
  const { code, stdout, stderr } = await finished(
    APT_HELPER,
    [...UNSANDBOXED, 'download-file', address, draft, `SHA256:${wanted.sha256}`],
    REMEDY,
  )
  if (code === 0) return true
  if (/^E: Failed to fetch \S+ +(40[34]|410|File not found)/m.test(stderr)) return false
  throw new ImageError(
    'ERR_IMAGE_DOWNLOAD',
    `cannot download ${wanted.name} ${wanted.version}: ${(stderr || stdout).trim()}; ${LISTS_REMEDY}`,
  )
}

async function holds(file: string, sha256: string): Promise<boolean> {
  try {
    return sha256Hex(await readFile(file)) === sha256
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
