import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')

/** Rows of the tables: code, meaning, cause, remedy. */
const rows = Array.from(
  page.matchAll(/^\| `(ERR_[A-Z0-9_]+)` \|(.*)\|$/gm),
  ([, code = '', cells = '']) => ({
    code,
    cells: cells.split('|').map(cell => cell.trim()),
  }),
)

/** Every code that a source file spells out, its tests and generated code aside. */
async function codesThrown(): Promise<Set<string>> {
  const codes = new Set<string>()
  for await (const path of glob('{packages,services,cli,examples,tools/image,e2e}/**/*.ts', {
    cwd: root,
  })) {
    if (path.endsWith('.test.ts') || path.includes('/gen/') || path.includes('node_modules'))
      continue
    const source = readFileSync(join(root, path), 'utf8')
    for (const [, code] of source.matchAll(/'(ERR_[A-Z0-9_]+)'/g)) if (code) codes.add(code)
  }
  return codes
}

test('docs/errors.md lists every error code, and no code that is gone', async () => {
  const documented = rows.map(({ code }) => code)
  const thrown = [...(await codesThrown())].filter(code => !code.endsWith('_'))
  deepEqual(documented.toSorted(), thrown.toSorted())
})

test('every error code has a meaning, a cause and a remedy', () => {
  for (const { code, cells } of rows)
    ok(cells.length === 3 && cells.every(cell => cell !== ''), code)
})
