import { equal } from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runProgram } from './program.ts'
import { programFolder, simulatedMachine } from './simulated-machine.ts'

const page = join(import.meta.dirname, '../../../docs/guides/enclave-programs.md')

test('the program in the guide prints what the guide says', async t => {
  const guide = await readFile(page, 'utf8')
  const blocks = (language: string) =>
    Array.from(
      guide.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')),
      ([, text = '']) => text,
    )
  const directory = await programFolder(t)
  await writeFile(join(directory, 'enclave.json'), blocks('json').join(''))
  await writeFile(join(directory, 'main.ts'), blocks('ts').join(''))
  const { root } = await simulatedMachine(t)
  const { code, printed } = await runProgram(t, directory, { ALCOVE_ROOT: root }).finished
  equal(printed, blocks('text').join(''))
  equal(code, 0)
})
