import { equal } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = dirname(import.meta.dirname)

test('the committed messages are what proto/messages.proto generates, byte for byte', async () => {
  const out = await mkdtemp(join(tmpdir(), 'aesm-gen-'))
  try {
    const bin = join(folder, '../../node_modules/.bin')
    const PATH = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter)
    await run(join(bin, 'buf'), ['generate', '--output', out], {
      cwd: folder,
      env: { ...process.env, PATH },
    })
    const committed = join(folder, 'src/gen')
    const generated = join(out, 'src/gen')
    const files = await readdir(generated)
    equal(files.join(), (await readdir(committed)).join())
    for (const file of files) {
      const [was, is] = await Promise.all(
        [committed, generated].map(of => readFile(join(of, file), 'utf8')),
      )
      equal(was, is, `${file}: run "npm run generate" in packages/aesm`)
    }
  } finally {
    await rm(out, { recursive: true })
  }
})
