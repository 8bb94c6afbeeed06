import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { sha256Hex } from './digest.ts'
import { programEntries } from './program.ts'
import { tarPieces } from './tar.ts'

const root = join(import.meta.dirname, '../..')
const isNative = process.platform === 'linux' && process.arch === 'x64'
const entries = isNative ? await programEntries(root) : undefined

test('the program’s layer is the same when it is made again', async t => {
  if (entries === undefined) {
    t.skip('koffi’s module for linux/x64 is installed there alone')
    return
  }
  const again = await programEntries(root)
  equal(sha256Hex(...tarPieces(again, 1)), sha256Hex(...tarPieces(entries, 1)))
})

test('every example is in it with the bytes that MRENCLAVE is measured over, and imports what is there', async t => {
  if (entries === undefined) {
    t.skip('koffi’s module for linux/x64 is installed there alone')
    return
  }
  const found = new Map(entries.map(entry => [entry.path, entry]))
  const examples = [...found.keys()].filter(path => path.endsWith('/enclave.json'))
  equal(examples.length, 4)
  for (const path of examples) {
    const source = path.replace('opt/alcove/', '')
    const { files, main } = z
      .object({ files: z.array(z.string()), main: z.string() })
      .parse(JSON.parse(await readFile(join(root, source), 'utf8')))
    ok(files.includes(main))
    for (const name of ['enclave.json', ...files]) {
      const entry = found.get(path.replace('enclave.json', name))
      ok(entry?.kind === 'file', name)
      const text = await readFile(join(root, source, '..', name))
      deepEqual(Buffer.from(entry.bytes), text)
      const imported = Array.from(text.toString().matchAll(/ from '([^'.]+)'/g), ([, one]) => one)
      deepEqual(
        imported.filter(one => one?.startsWith('node:') === false && one !== '@alcove/enclave'),
        [],
      )
    }
  }
  ok(found.has('opt/alcove/node_modules/@alcove/enclave/index.mjs'))
  ok(![...found.keys()].some(path => path.endsWith('.map')))
})
