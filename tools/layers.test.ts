import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'

const root = join(import.meta.dirname, '..')
const Manifest = z.object({
  name: z.string(),
  /** 0 = bytes … 6 = the command line, 7 = e2e; see ARCHITECTURE.md. */
  layer: z.number().int().min(0),
  dependencies: z.record(z.string(), z.string()).default({}),
})

const folders = (
  await Array.fromAsync(glob('{packages,services,examples}/*/package.json', { cwd: root }))
)
  .concat('cli/package.json', 'e2e/package.json')
  .map(path => ({
    folder: dirname(path),
    ...Manifest.parse(JSON.parse(readFileSync(join(root, path), 'utf8'))),
  }))
const layerOf = new Map(folders.map(({ name, layer }) => [name, layer]))

/** What a module imports from outside its own folder tree: package names, `@scope/name` whole. */
function packagesImported(source: string): string[] {
  const specifiers = source.matchAll(/(?:from |import |import\()'([^'.\n][^'\n]*)'/g)
  return Array.from(specifiers, ([, specifier = '']) => specifier)
    .filter(specifier => !specifier.startsWith('node:'))
    .map(specifier =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    )
}

async function importsOf(folder: string): Promise<Set<string>> {
  const names = new Set<string>()
  for await (const path of glob(`${folder}/**/*.ts`, { cwd: root })) {
    if (path.endsWith('.test.ts')) continue
    for (const name of packagesImported(readFileSync(join(root, path), 'utf8'))) names.add(name)
  }
  return names
}

for (const { folder, name, layer, dependencies } of folders) {
  test(`${name} imports only from layers below ${layer}, and only what its package.json lists`, async () => {
    const imported = await importsOf(folder)
    for (const dependency of [...imported, ...Object.keys(dependencies)]) {
      const below = layerOf.get(dependency)
      if (below !== undefined) ok(below < layer, `${name} (${layer}) → ${dependency} (${below})`)
    }
    deepEqual(
      [...imported].filter(one => !(one in dependencies)),
      [],
      'imported but not listed',
    )
    deepEqual(
      Object.keys(dependencies).filter(one => !imported.has(one)),
      [],
      'listed but not imported',
    )
  })
}

test('programs inside an enclave reach the simulator only through its client', async () => {
  for await (const path of glob('{packages/enclave,examples}/**/*.ts', { cwd: root })) {
    const source = readFileSync(join(root, path), 'utf8')
    ok(!/from '@alcove\/simulator(?!\/client')/.test(source), path)
  }
})

test('no package but process reads the environment or the clock', async () => {
  for await (const path of glob('packages/*/src/**/*.ts', { cwd: root })) {
    if (path.startsWith('packages/process/') || path.endsWith('.test.ts') || path.includes('/gen/'))
      continue
    const found = /process\.env|Date\.now\(|new Date\(\)|Math\.random\(/.exec(
      readFileSync(join(root, path), 'utf8'),
    )
    ok(found === null, `${path}: ${found?.[0]}`)
  }
})
