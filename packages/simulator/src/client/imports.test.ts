import { deepEqual, ok } from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

const source = join(import.meta.dirname, '..')

/** Relative imports of the files in a directory of this package, tests aside. */
async function importsOf(directory: string): Promise<string[]> {
  const names = await readdir(join(source, directory))
  const files = names.filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const texts = await Promise.all(
    files.map(name => readFile(join(source, directory, name), 'utf8')),
  )
  return texts.flatMap(text =>
    Array.from(text.matchAll(/ from '(\.[^']+)'/g), ([, path = '']) => path),
  )
}

test('the client, which programs carry, imports nothing of the platform that it talks to', async () => {
  for (const directory of ['client', 'protocol']) {
    const imports = await importsOf(directory)
    ok(imports.length > 0)
    deepEqual(
      imports.filter(path => /^\.\.\/(platform|pcs|node|server|index)/.test(path)),
      [],
    )
  }
})
