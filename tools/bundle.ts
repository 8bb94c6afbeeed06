// `npm run bundle`: the program as it ships, dist/alcove.mjs and the chunks that its commands load.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { thirdPartyNotices } from './bundle-notices.ts'

const root = join(import.meta.dirname, '..')

/** CommonJS packages (`@grpc/grpc-js`, pino) call `require` for Node's own modules; an ES module has none. */
const REQUIRE =
  "import { createRequire as alcoveCreateRequire } from 'node:module'; const require = alcoveCreateRequire(import.meta.url);"

/**
 * Libraries start nothing when they are imported (ARCHITECTURE.md), so a module of ours of which nothing is used is
 * left out, and with it what it imports. Without this a daemon would carry its stand-ins and their schemas.
 */
const startsNothing: Plugin = {
  name: 'starts-nothing',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^(@alcove\/|\.)/ }, async ({ path, pluginData, ...args }) => {
      if (pluginData === startsNothing) return undefined
      const resolved = await esbuild.resolve(path, { ...args, pluginData: startsNothing })
      const isOurs = !relative(root, resolved.path).includes('node_modules')
      return isOurs ? { ...resolved, sideEffects: false } : resolved
    })
  },
}

/** zod's messages in forty languages, of which English is set; `import { z }` would bring all of them along. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(esbuild) {
    esbuild.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: '' }))
  },
}

/** How programs of this project are bundled: for the pinned Node, one chunk for what several of them load. */
export const bundleOptions: BuildOptions & { readonly metafile: true } = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  splitting: true,
  // Names stay as they are written, so that a stack trace can be read without the source maps, which are not in the image;
  // lines stay short, since Node prints the one that threw an error that nobody caught.
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  sourcemap: 'external',
  sourcesContent: false,
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
  banner: { js: REQUIRE },
  outExtension: { '.js': '.mjs' },
  // No folder for the chunks: esbuild decides which file a module goes into, and some find files that lie beside them.
  chunkNames: '[name]-[hash]',
  plugins: [startsNothing, englishOnly],
  // A native module: it lies beside the bundle in the image, and in node_modules in the project; loaded where it is needed.
  external: ['koffi'],
}

const entryPoints = {
  alcove: 'cli/src/main.ts',
  'end-with-kubelet': 'cli/src/node/end-with-kubelet.ts',
}

/** A part of the bundle, as it lies on disk. */
export interface BundledFile {
  /** Relative to the bundle's folder. */
  readonly path: string
  readonly bytes: number
  /** The command's module that the file begins with, if it is one. */
  readonly entry: string | undefined
  /** Bytes of this file and of everything that it imports, whatever was loaded before. */
  readonly loadedBytes: number
  /** Modules that went in, relative to the project. */
  readonly modules: readonly string[]
}

/**
 * Builds the program into a folder, whose files are removed first (folders stay: the image is in one): `alcove.mjs` and its chunks, `end-with-kubelet.mjs`, which
 * programs of the embedded node are started with, source maps, and `THIRD-PARTY.txt` with the licences of what went in.
 */
export async function bundleProgram(outdir: string): Promise<readonly BundledFile[]> {
  for (const entry of await earlierFiles(outdir)) await rm(entry)
  const { metafile } = await build({ ...bundleOptions, outdir, entryPoints })
  await writeFile(join(outdir, 'THIRD-PARTY.txt'), await thirdPartyNotices(root, metafile))
  return bundledFiles(metafile, outdir)
}

/** The files of `dist/`, as the image has them: source maps left out, names and bytes as `npm run bundle` writes them. */
export async function bundleInMemory(): Promise<ReadonlyMap<string, Uint8Array>> {
  return await filesInMemory({ entryPoints })
}

/** What one more bundle consists of, its licences included, without writing it. */
export async function filesInMemory(
  options: Pick<BuildOptions, 'entryPoints' | 'banner'>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const outdir = join(root, 'dist') // never written; chunks are named by what is in the maps too, and these name it
  const { outputFiles, metafile } = await build({
    ...bundleOptions,
    ...options,
    outdir,
    write: false,
  })
  const files = outputFiles
    .filter(({ path }) => !path.endsWith('.map'))
    .map(({ path, contents }) => [relative(outdir, path), contents] as const)
  const notices = Buffer.from(await thirdPartyNotices(root, metafile))
  return new Map([...files, ['THIRD-PARTY.txt', notices]])
}

async function earlierFiles(outdir: string): Promise<readonly string[]> {
  await mkdir(outdir, { recursive: true })
  const entries = await readdir(outdir, { withFileTypes: true })
  return entries.filter(entry => !entry.isDirectory()).map(({ name }) => join(outdir, name))
}

/** The JavaScript of a bundle, largest first. */
export function bundledFiles(metafile: Metafile, outdir: string): readonly BundledFile[] {
  const { outputs } = metafile
  return Object.entries(outputs)
    .filter(([path]) => path.endsWith('.mjs'))
    .map(([path, { bytes, entryPoint, inputs }]) => ({
      path: relative(outdir, join(root, path)),
      bytes,
      entry: entryPoint,
      loadedBytes: [...loadedWith(outputs, path)].reduce(
        (sum, one) => sum + (outputs[one]?.bytes ?? 0),
        0,
      ),
      modules: Object.keys(inputs),
    }))
    .toSorted((a, b) => b.bytes - a.bytes)
}

function loadedWith(
  outputs: Metafile['outputs'],
  path: string,
  seen: Set<string> = new Set(),
): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const { path: next, kind, external } of outputs[path]?.imports ?? []) {
    if (kind === 'import-statement' && external !== true) loadedWith(outputs, next, seen)
  }
  return seen
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`.padStart(8)
}

function report(files: readonly BundledFile[]): string {
  const lines = files
    .filter(({ entry }) => entry !== undefined)
    .toSorted((a, b) => b.loadedBytes - a.loadedBytes)
    .map(
      ({ path, entry = '', loadedBytes }) =>
        `${kilobytes(loadedBytes)}  ${path === 'alcove.mjs' ? 'alcove.mjs, before any command' : entry}`,
    )
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0)
  return [
    `dist/alcove.mjs and ${files.length - 1} chunks, ${kilobytes(all).trim()}; what is loaded:`,
    ...lines,
  ].join('\n')
}

if (import.meta.main) {
  process.stdout.write(`${report(await bundleProgram(join(root, 'dist')))}\n`)
}
