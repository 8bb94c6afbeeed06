import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
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
    if (/^npx alcove (verify|inspect) /.test(command)) {
      const { code } = await alcove(...command.split(' ').slice(2))
      equal(code, 0)
    } else {
      ok(ci.includes(command), 'CI runs it')
    }
  })
}

test('README: the TypeScript that verifies a quote refuses one that the policy does not accept', async () => {
  const [, code = ''] = /^```ts\n(import \{ appraise[\s\S]*?)^```/m.exec(readme) ?? []
  const vectors = join(projectRoot, 'vectors/sgx-v3-phala')
  const program = `import { readFileSync } from 'node:fs'
    const quote = Uint8Array.from(readFileSync('${vectors}/quote.bin'))
    const collateralText = readFileSync('${vectors}/collateral.json', 'utf8')
    const expectedHex = '00'.repeat(32)
    ${code}`
  const ran = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: projectRoot,
    encoding: 'utf8',
  })
  match(ran.stderr, /Error: the TCB status is ConfigurationAndSWHardeningNeeded .*MRENCLAVE/)
})

test('README: the road that it shows is what up prints', async () => {
  const [, shown = ''] = /^```\n(node1: [\s\S]*?)^```/m.exec(readme) ?? []
  const state = await mkdtemp(join(tmpdir(), 'alcove-'))
  try {
    const { stdout } = await alcove('up', '--once', '--state', state)
    // ECDSA signatures differ in length, and so does what carries them
    const lines = (text: string): string[] => text.replaceAll(/\d+ bytes/g, 'N bytes').split('\n')
    const said = lines(stdout.replaceAll(state, '/home/you/.alcove'))
    const told = lines(shown).filter(line => line !== '' && line.trim() !== '…')
    ok(told.length > 15)
    deepEqual(
      told.filter(line => !said.includes(line)),
      [],
    )
  } finally {
    await rm(state, { recursive: true })
  }
})
