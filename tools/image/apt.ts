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

/** The lines of `--print-uris` that name a file's hash: `'URI' name bytes SHA256:hash`. */
export function parseServed(text: string): readonly Served[] {
  const lines = text.matchAll(/^'([^']+)' \S+ (\d+) SHA256:([0-9a-f]{64})$/gm)
  return Array.from(lines, ([, uri = '', bytes, sha256 = '']) => ({
    uri,
    bytes: Number(bytes),
    sha256,
  }))
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
 * The versions of some packages that the machine's mirrors serve now.
 *
 * @throws {ImageError} `ERR_IMAGE_DOWNLOAD` where apt does not know one; `ERR_IMAGE_PREREQUISITE`
 */
export async function servedPackages(
  names: readonly string[],
  roots: readonly string[],
): Promise<readonly DebianPackage[]> {
  const args = ['download', '--print-uris', ...names.map(name => `${name}:amd64`)]
  const { stdout, stderr } = await finished('apt-get', args, REMEDY)
  const served = parseServed(stdout)
  return names.map(name => {
    const one = served.find(({ uri }) => fileName(uri).startsWith(`${name}_`))
    const root = roots.find(mirror => one?.uri.startsWith(mirror))
    if (one === undefined || root === undefined) {
      const detail = `apt knows no ${name}:amd64: ${stderr.trim()}; ${LISTS_REMEDY}`
      throw new ImageError('ERR_IMAGE_DOWNLOAD', detail)
    }
    const file = decodeURIComponent(one.uri.slice(root.length))
    const version = /_([^_]+)_[^_]+\.deb$/.exec(file)?.[1] ?? ''
    return { name, version, file, bytes: one.bytes, sha256: one.sha256 }
  })
}

/** Of an address, `+` and `:` in it decoded. */
function fileName(uri: string): string {
  return decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1))
}

/**
 * The file of a package, from the cache or a mirror; its hash is what was asked for.
 *
 * Asked are, in turn, the mirrors of the machine, for the file by its place in their pool, which holds the versions of
 * several Debian releases, whichever of them the machine runs.
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
  const addresses = (await roots()).map(root => root + wanted.file.replaceAll('+', '%2b'))
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
