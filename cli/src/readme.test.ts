import { equal, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { alcove } from '../testing/alcove.ts'
import { projectRoot } from './program-root.ts'

const readme = await readFile(join(projectRoot, 'README.md'), 'utf8')
const ci = await readFile(join(projectRoot, '.ci/run'), 'utf8')
const commands = Array.from(readme.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block = '']) =>
  block.trim().split('\n'),
).flat()

test('the README has commands', () => ok(commands.length >= 3))

for (const command of commands) {
  test(`README: ${command}`, async () => {
    if (command.startsWith('npx alcove verify ')) {
      const { code } = await alcove(...command.split(' ').slice(2))
      equal(code, 0)
    } else {
      ok(ci.includes(command), 'CI runs it')
    }
  })
}
