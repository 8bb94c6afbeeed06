import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from '@alcove/process'
import { writeLayer } from '../../tools/image/layer.ts'
import { writeArchive, writeLayout } from '../../tools/image/layout.ts'
import type { Entry } from '../../tools/image/tar.ts'
import { BuildError } from './build-error.ts'
import { ensureEntry } from './cache-entry.ts'
import { findProgram } from './find-program.ts'

const run = promisify(execFile)

/** What pods of the suite run in, and what holds a pod's namespaces: one static busybox each. */
const IMAGES = {
  box: { reference: 'alcove.dev/box:1', entrypoint: ['/bin/sh', '-c'] },
  // containerd ends a sandbox by SIGKILL, so it needs no handler of signals.
  pause: { reference: 'alcove.dev/pause:1', entrypoint: ['/bin/sleep', '2147483647'] },
} as const

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'
const GROUP = 'root:x:0:\nnogroup:x:65534:\n'

export interface TestImages {
  readonly cache: string
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly onWait: () => void
}

/**
 * The archives of `alcove.dev/box:1` and `alcove.dev/pause:1`, for `ctr images import`; from the cache where this
 * busybox has been packed before. The same busybox gives the same bytes.
 *
 * @throws {BuildError} `ERR_E2E_INSTALL` where there is no busybox
 */
export async function ensureTestImages(options: TestImages): Promise<readonly string[]> {
  const { cache, environment, signal, onWait } = options
  const path = await findProgram('busybox', environment)
  if (path === undefined)
    throw new BuildError('ERR_E2E_INSTALL', 'no busybox in PATH: apt-get install busybox-static')
  const busybox = await readFile(path)
  const { stdout } = await run(path, ['--list'], { signal })
  const entries = boxEntries(busybox, stdout.trim().split('\n'))
  const form = JSON.stringify([IMAGES, entries.map(({ path: at, mode }) => [at, mode])])
  const key = createHash('sha256').update(form).update(busybox).digest('hex').slice(0, 12)
  const directory = await ensureEntry({
    cache,
    name: `test-images-${key}`,
    fill: draft => writeImages(draft, entries),
    signal,
    onWait,
  })
  return Object.keys(IMAGES).map(name => join(directory, `${name}.tar`))
}

/** The files of a root that is busybox and its names. @param applets as `busybox --list` prints them */
export function boxEntries(busybox: Uint8Array, applets: readonly string[]): readonly Entry[] {
  const links = applets
    .filter(name => name !== 'busybox')
    .map((name): Entry => ({ path: `bin/${name}`, kind: 'symlink', target: 'busybox' }))
  return [
    { path: 'bin/busybox', kind: 'file', bytes: busybox, mode: 0o755 },
    ...links,
    { path: 'etc/passwd', kind: 'file', bytes: Buffer.from(PASSWD) },
    { path: 'etc/group', kind: 'file', bytes: Buffer.from(GROUP) },
    { path: 'root', kind: 'directory', mode: 0o700 },
    { path: 'tmp', kind: 'directory', mode: 0o1777 },
  ]
}

async function writeImages(draft: string, entries: readonly Entry[]): Promise<void> {
  for (const [name, { reference, entrypoint }] of Object.entries(IMAGES)) {
    const layout = join(draft, name)
    const description = {
      reference,
      tag: '1',
      time: 0,
      user: '0',
      workingDirectory: '/',
      path: '/bin',
      entrypoint,
      labels: {},
    }
    // Not compressed: it never leaves this machine.
    const packing = { compression: 'none', cache: undefined, onProgress: () => undefined } as const
    await writeLayout(layout, description, async blobs => [
      await writeLayer({ name: 'busybox', entries, time: 0 }, { ...packing, blobs }),
    ])
    await writeArchive(layout, join(draft, `${name}.tar`))
    await rm(layout, { recursive: true })
  }
}
