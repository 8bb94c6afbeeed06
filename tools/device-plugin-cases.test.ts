import { deepEqual, ok } from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/device-plugin-cases.md'), 'utf8')

/** `file` “title”, “title”: what the page names. A `…` in a title stands for what the test fills in. */
const named = Array.from(
  page.matchAll(/`([\w./-]+\.ts)`((?:,? “[^”]+”)+)/g),
  ([, file = '', titles = '']) => ({
    file,
    titles: Array.from(titles.matchAll(/“([^”]+)”/g), ([, title = '']) => title),
  }),
)

/** The titles of a file's tests, with `…` for what is filled in. */
function titlesOf(file: string): ReadonlySet<string> {
  const source = readFileSync(join(root, file), 'utf8')
  const texts = source.matchAll(/\btest\(\s*(?:'([^'\n]+)'|`((?:\$\{[^}`]*\}|[^`$\n])+)`)/g)
  return new Set(
    Array.from(texts, ([, plain, filled]) => plain ?? filled?.replace(/\$\{[^}]*\}/g, '…') ?? ''),
  )
}

test('every test that docs/device-plugin-cases.md names is there', () => {
  ok(named.length > 20, `the page names tests of ${named.length} files only`)
  const missing = named.flatMap(({ file, titles }) => {
    if (!existsSync(join(root, file))) return [file]
    const there = titlesOf(file)
    return titles.filter(title => !there.has(title)).map(title => `${file}: ${title}`)
  })
  deepEqual(missing, [])
})

test('every row of its tables names a test, or says why there is none', () => {
  const rows = page.split('\n').filter(line => /^\| (?!---|where|case)/.test(line))
  ok(rows.length > 20)
  deepEqual(
    rows.filter(row => !/“[^”]+”|does not apply|not yet/.test(row)),
    [],
  )
})
