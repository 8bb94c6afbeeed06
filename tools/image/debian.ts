import { mkdtemp, readdir, readFile, readlink, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { download, mirrors, servedPackages } from './apt.ts'
import { output } from './command.ts'
import { readLinked } from './elf.ts'
import { ImageError } from './image-error.ts'
import type { DebianPackage } from './lock.ts'
import type { Entry } from './tar.ts'

/** The libraries' packages, and the one with the licence texts that their copyright files point to. */
const NAMES = ['base-files', 'libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6'] as const

const FOLDERS = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'lib', 'lib64'] as const
/** Where the image has its libraries: the dynamic linker looks there without a cache file. */
export const LIBRARIES = 'usr/lib/x86_64-linux-gnu'
const DPKG_REMEDY = 'packages are unpacked by dpkg-deb: install dpkg'

/** Packages whose files are at hand. */
export interface Fetched {
  /** Whether they are those of the lock. */
  readonly locked: boolean
  readonly packages: readonly (DebianPackage & { readonly path: string })[]
}

export interface FetchDeps {
  /** Folder that keeps what was downloaded. */
  readonly cache: string
  /** Refuses to build with anything else. */
  readonly lockedOnly: boolean
  readonly onProgress: (line: string) => void
  /** Told what a person must know of the image. */
  readonly onWarning: (line: string) => void
}

/**
 * The files of the locked packages; where one of them is no longer served, those that the machine's mirrors serve now, all
 * of them, since libraries of one release belong together.
 *
 * @throws {ImageError} `ERR_IMAGE_UNLOCKED` if one is no longer served and only locked ones are wanted;
 *   `ERR_IMAGE_DOWNLOAD`, `ERR_IMAGE_PREREQUISITE`, `ERR_IMAGE_COMMAND`
 */
export async function fetchLocked(
  lock: readonly DebianPackage[],
  deps: FetchDeps,
): Promise<Fetched> {
  const packages = []
  for (const one of lock) {
    const path = await download(one, mirrors, deps.cache)
    if (path === undefined) return await fetchInstead(one, deps)
    deps.onProgress(`${one.name} ${one.version}, as locked`)
    packages.push({ ...one, path })
  }
  return { locked: true, packages }
}

async function fetchInstead(gone: DebianPackage, deps: FetchDeps): Promise<Fetched> {
  const what = `${gone.name} ${gone.version} is locked, and no mirror of this machine serves it any more`
  if (deps.lockedOnly) {
    const remedy =
      'npm run image -- lock locks what is served now: look at the difference, and commit it'
    throw new ImageError('ERR_IMAGE_UNLOCKED', `${what}; ${remedy}`)
  }
  deps.onWarning(`${what}: building UNLOCKED, with what is served now`)
  const { packages } = await fetchServed(deps)
  for (const { name, version } of packages) deps.onWarning(`unlocked: ${name} ${version}`)
  return { locked: false, packages }
}

/**
 * The files of what the machine's mirrors serve now. The package that has the libraries' copyright file is another one in
 * every release, and is found by the link to it.
 *
 * @throws {ImageError} `ERR_IMAGE_DOWNLOAD`, `ERR_IMAGE_PREREQUISITE`, `ERR_IMAGE_COMMAND`
 */
export async function fetchServed(deps: Pick<FetchDeps, 'cache' | 'onProgress'>): Promise<Fetched> {
  const roots = await mirrors()
  const packages: (DebianPackage & { readonly path: string })[] = []
  const add = async (names: readonly string[]): Promise<void> => {
    for (const one of await servedPackages(names, roots)) {
      const path = await download(one, async () => roots, deps.cache)
      if (path === undefined) {
        throw new ImageError(
          'ERR_IMAGE_DOWNLOAD',
          `${one.name} ${one.version} is in apt's lists but not on its mirror; run apt-get update`,
        )
      }
      deps.onProgress(`${one.name} ${one.version}, as served`)
      packages.push({ ...one, path })
    }
  }
  await add(NAMES)
  await using unpacked = await unpack(packages)
  const base = await linkTarget(join(unpacked.root, 'usr/share/doc/libgcc-s1'))
  if (base !== undefined) await add([base])
  return { locked: false, packages }
}

/** Packages laid out in a folder that goes when it is disposed of. */
export interface Unpacked extends AsyncDisposable {
  readonly root: string
}

/** @throws {ImageError} `ERR_IMAGE_PREREQUISITE`, `ERR_IMAGE_COMMAND` */
export async function unpack(packages: Fetched['packages']): Promise<Unpacked> {
  const root = await mkdtemp(join(tmpdir(), 'alcove-image-'))
  const dispose = async (): Promise<void> => await rm(root, { recursive: true })
  try {
    for (const { path } of packages)
      await output('dpkg-deb', ['--extract', path, root], DPKG_REMEDY)
  } catch (error) {
    await dispose()
    throw error
  }
  return { root: await realpath(root), [Symbol.asyncDispose]: dispose }
}

/** Something that is linked to libraries. */
export interface Linking {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What of Debian goes into the image. */
export interface DebianParts {
  readonly entries: readonly Entry[]
  /** Of the newest library, in seconds since 1970: so the layer is the same from every commit. */
  readonly time: number
}

/**
 * The libraries that some programs need, and those that these need; the copyright files of their packages, the licence
 * texts that those point to, and what a scanner for vulnerabilities looks for: `os-release`, and dpkg's note per package.
 *
 * @throws {ImageError} `ERR_IMAGE_LIBRARY` if a library is in none of the packages
 * @throws {FormatError} if a library is no ELF file
 */
export async function debianParts(
  { packages }: Fetched,
  programs: readonly Linking[],
): Promise<DebianParts> {
  await using unpacked = await unpack(packages)
  const libraries = await neededLibraries(unpacked.root, programs)
  const times = await Promise.all(
    libraries.map(async ({ path }) => Math.floor((await stat(path)).mtimeMs / 1000)),
  )
  return {
    time: Math.max(...times),
    entries: [
      ...libraries.map(({ soname, bytes }) => file(`${LIBRARIES}/${soname}`, bytes, 0o755)),
      ...(await licences(unpacked.root, packages)),
      ...(await scannerNotes(unpacked.root, packages)),
    ],
  }
}

interface Library extends Linking {
  readonly soname: string
  /** Where it was unpacked, links resolved. */
  readonly path: string
}

async function neededLibraries(
  root: string,
  programs: readonly Linking[],
): Promise<readonly Library[]> {
  const found = new Map<string, Library>()
  const visit = async ({ name, bytes }: Linking): Promise<void> => {
    for (const soname of readLinked(bytes, name).needed) {
      if (found.has(soname)) continue
      const library = await libraryNamed(root, soname, name)
      found.set(soname, library)
      await visit(library)
    }
  }
  for (const program of programs) await visit(program)
  return [...found.values()]
}

async function libraryNamed(root: string, soname: string, neededBy: string): Promise<Library> {
  for (const folder of FOLDERS) {
    const path = await orUndefined(realpath(join(root, folder, soname)), 'ENOENT')
    if (path?.startsWith(root + sep) !== true) continue
    return { name: soname, soname, path, bytes: await readFile(path) }
  }
  throw new ImageError(
    'ERR_IMAGE_LIBRARY',
    `${soname}, which ${neededBy} needs, is in none of the packages: add the one that has it to tools/image/debian.ts, then npm run image -- lock`,
  )
}

async function licences(
  root: string,
  packages: readonly DebianPackage[],
): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  const texts = new Set<string>()
  for (const { name } of packages) {
    const folder = `usr/share/doc/${name}`
    const target = await linkTarget(join(root, folder))
    if (target !== undefined) {
      entries.push({ path: folder, kind: 'symlink', target })
      continue
    }
    const copyright = await readFile(join(root, folder, 'copyright'))
    entries.push(file(`${folder}/copyright`, copyright))
    for (const [, text = ''] of copyright
      .toString('utf8')
      .matchAll(/\/usr\/share\/common-licenses\/([A-Za-z0-9.+-]*[A-Za-z0-9])/g))
      texts.add(text)
  }
  for (const one of await readdir(join(root, 'usr/share/common-licenses'))) {
    if (!texts.has(one)) continue
    const path = `usr/share/common-licenses/${one}`
    entries.push(file(path, await readFile(join(root, path))))
  }
  return entries
}

async function scannerNotes(
  root: string,
  packages: Fetched['packages'],
): Promise<readonly Entry[]> {
  const notes = packages.map(async ({ name, path }) => {
    const control = await output('dpkg-deb', ['--field', path], DPKG_REMEDY)
    return file(`var/lib/dpkg/status.d/${name}`, Buffer.from(control))
  })
  return [
    file('usr/lib/os-release', await readFile(join(root, 'usr/lib/os-release'))),
    { path: 'etc/os-release', kind: 'symlink', target: '../usr/lib/os-release' },
    ...(await Promise.all(notes)),
  ]
}

/** Where a symbolic link points; `undefined` for anything else. */
async function linkTarget(path: string): Promise<string | undefined> {
  return await orUndefined(readlink(path), 'EINVAL')
}

/** `undefined` where the path is not what was asked for, as the error's code says. */
async function orUndefined(answer: Promise<string>, code: string): Promise<string | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return undefined
    throw error
  }
}

function file(path: string, bytes: Uint8Array, mode = 0o644): Entry {
  return { path, kind: 'file', bytes, mode }
}
