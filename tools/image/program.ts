import { glob, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { bundleInMemory, filesInMemory } from '../bundle.ts'
import type { Linking } from './debian.ts'
import { ImageError } from './image-error.ts'
import type { Entry } from './tar.ts'

const HOME = 'opt/alcove'
const KOFFI = 'node_modules/koffi'
const KOFFI_NATIVE = 'node_modules/@koromix/koffi-linux-x64'
/** What `import('koffi')` loads of its packages with glibc on x86-64, and the licence; the rest is sources and other systems. */
const KOFFI_FILES = [
  `${KOFFI}/LICENSE.txt`,
  `${KOFFI}/index.js`,
  `${KOFFI}/package.json`,
  `${KOFFI}/src/koffi/index.js`,
  `${KOFFI}/src/koffi/src/static.js`,
  `${KOFFI_NATIVE}/index.js`,
  `${KOFFI_NATIVE}/linux_x64/koffi.node`,
  `${KOFFI_NATIVE}/package.json`,
] as const

const Manifest = z.object({ version: z.string() })
const Enclave = z.object({ files: z.array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._/-]*$/)) })

/** The version of the program, which is the image's. */
export async function programVersion(root: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'cli/package.json'), 'utf8'))
  return Manifest.parse(manifest).version
}

/** What the program loads that is linked to libraries. */
export async function nativeModules(root: string): Promise<readonly Linking[]> {
  const name = `${KOFFI_NATIVE}/linux_x64/koffi.node`
  return [{ name, bytes: await readInstalled(root, name) }]
}

/**
 * `/opt/alcove`: the bundle with its licences, koffi, the examples, and `@alcove/enclave` where their `main.ts`, unchanged,
 * finds it. Files that an `enclave.json` names are byte for byte the project's, since MRENCLAVE is measured over them.
 */
export async function programEntries(root: string): Promise<readonly Entry[]> {
  const version = await programVersion(root)
  const bundle = await bundleInMemory()
  const enclave = await filesInMemory({
    entryPoints: { index: 'packages/enclave/src/index.ts' },
  })
  const entries = [
    ...Array.from(bundle, ([path, bytes]) => file(path, bytes)),
    ...Array.from(enclave, ([path, bytes]) => file(`node_modules/@alcove/enclave/${path}`, bytes)),
    file('LICENSE', await readFile(join(root, 'LICENSE'))),
    // main.ts is an ES module; Node need not find that out by reading it twice.
    manifest('package.json', { name: 'alcove', version, license: 'Apache-2.0', type: 'module' }),
    manifest('node_modules/@alcove/enclave/package.json', {
      name: '@alcove/enclave',
      version,
      license: 'Apache-2.0',
      type: 'module',
      exports: './index.mjs',
    }),
    ...(await exampleEntries(root)),
  ]
  for (const path of KOFFI_FILES) entries.push(file(path, await readInstalled(root, path)))
  return entries
}

async function exampleEntries(root: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const path of glob('examples/*/enclave.json', { cwd: root })) {
    const description = await readFile(join(root, path))
    entries.push(file(path, description))
    const parsed: unknown = JSON.parse(description.toString('utf8'))
    for (const name of Enclave.parse(parsed).files) {
      const source = join(root, dirname(path), name)
      entries.push(file(relative(root, source), await readFile(source)))
    }
  }
  return entries
}

async function readInstalled(root: string, path: string): Promise<Buffer> {
  try {
    return await readFile(join(root, path))
  } catch (cause) {
    throw new ImageError('ERR_IMAGE_MACHINE', `${path} is not installed: run npm ci on linux/x64`, {
      cause,
    })
  }
}

function manifest(path: string, content: Readonly<Record<string, unknown>>): Entry {
  return file(path, Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`))
}

function file(path: string, bytes: Uint8Array): Entry {
  return { path: `${HOME}/${path}`, kind: 'file', bytes }
}
