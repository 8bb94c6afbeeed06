import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { baseParts, USER } from './base.ts'
import { fetchLocked } from './debian.ts'
import { ImageError } from './image-error.ts'
import { type Compression, type Layer, writeLayer } from './layer.ts'
import { type ImageDescription, writeLayout } from './layout.ts'
import { readLock } from './lock.ts'
import { nativeModules, programEntries, programVersion } from './program.ts'
import { readSource } from './source.ts'

const root = join(import.meta.dirname, '../..')
const NAME = 'alcove.dev/alcove'

export interface BuildOptions {
  readonly compression: Compression
  /** Where the layout goes, in place of what is there; `dist/image` unless told. */
  readonly layout?: string
  /** Where downloads and compressed layers are kept; `alcove/image` in the user's cache unless told. */
  readonly cache?: string
  /** Refuses to build with libraries other than the locked ones; false unless told. */
  readonly lockedOnly?: boolean
  /** SOURCE_DATE_EPOCH, HOME and XDG_CACHE_HOME are read. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onProgress?: (line: string) => void
  /** Told what a person must know of the image: that it is unlocked, or of a dirty tree. */
  readonly onWarning?: (line: string) => void
}

export interface BuiltImage {
  /** The layout's folder. */
  readonly layout: string
  /** `alcove.dev/alcove:VERSION`. */
  readonly reference: string
  /** Of the manifest: `sha256:` and hex. */
  readonly digest: string
  readonly layers: readonly Layer[]
  /** The commit, `-dirty` behind it where files differ. */
  readonly revision: string
  /** Whether the Debian libraries are those of the lock. */
  readonly locked: boolean
}

/**
 * Builds the image as an OCI layout: Node with the Debian libraries that it links to in one layer, the program in another.
 * The same commit gives the same bytes.
 *
 * @throws {ImageError} `ERR_IMAGE_MACHINE` elsewhere than on linux/x64, and the codes of `fetchLocked`, `baseParts`, `readSource`
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  expectMachine()
  const tell = options.onProgress ?? (() => undefined)
  const warn = options.onWarning ?? tell
  const cache = resolve(options.cache ?? userCache(options.environment))
  const layout = resolve(options.layout ?? join(root, 'dist/image'))
  const source = await readSource(root, options.environment['SOURCE_DATE_EPOCH'])
  if (source.warning !== undefined) warn(source.warning)
  const fetched = await fetchLocked(await readLock(), {
    cache: join(cache, 'debian'),
    lockedOnly: options.lockedOnly ?? false,
    onProgress: tell,
    onWarning: warn,
  })
  const base = await baseParts(root, fetched, await nativeModules(root))
  const program = await programEntries(root)
  const version = await programVersion(root)
  const description = describe(version, source, fetched.locked)
  await mkdir(dirname(layout), { recursive: true })
  const { digest, layers } = await writeLayout(layout, description, async blobs => {
    const deps = { compression: options.compression, blobs, onProgress: tell }
    const libraries = {
      name: 'Node and its libraries',
      entries: base.entries,
      time: Math.min(base.time, source.time),
    }
    const kept = options.compression === 'none' ? undefined : join(cache, 'layers')
    return [
      await writeLayer(libraries, { ...deps, cache: kept }),
      await writeLayer(
        { name: 'program', entries: program, time: source.time },
        { ...deps, cache: undefined },
      ),
    ]
  })
  const { reference } = description
  return { layout, reference, digest, layers, revision: source.revision, locked: fetched.locked }
}

/** @throws {ImageError} `ERR_IMAGE_MACHINE` elsewhere than on linux/x64 */
export function expectMachine(): void {
  const { platform, arch } = process
  if (platform === 'linux' && arch === 'x64') return
  throw new ImageError(
    'ERR_IMAGE_MACHINE',
    `the image is for linux/x64 and is built there; this is ${platform}/${arch}: build it in a virtual machine, or in CI`,
  )
}

/** @see https://specifications.freedesktop.org/basedir-spec/latest/ */
export function userCache(environment: BuildOptions['environment']): string {
  const asked = environment['XDG_CACHE_HOME']
  const folder =
    asked?.startsWith('/') === true ? asked : join(environment['HOME'] ?? homedir(), '.cache')
  return join(folder, 'alcove/image')
}

function describe(
  version: string,
  source: { readonly revision: string; readonly time: number },
  locked: boolean,
): ImageDescription {
  return {
    reference: `${NAME}:${version}`,
    tag: version,
    time: source.time,
    user: `${USER}:${USER}`,
    workingDirectory: '/opt/alcove',
    path: '/usr/local/bin',
    entrypoint: ['/usr/local/bin/alcove-node', '/opt/alcove/alcove.mjs'],
    labels: {
      'dev.alcove.image.libraries': locked ? 'locked' : 'unlocked',
      'org.opencontainers.image.description': 'Confidential nodes for any Kubernetes cluster',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.revision': source.revision,
      'org.opencontainers.image.title': 'alcove',
      'org.opencontainers.image.version': version,
    },
  }
}
