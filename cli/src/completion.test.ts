import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { alcove } from '../testing/alcove.ts'
import { shells } from './completion.ts'

/** What bash offers for a line whose last word is being typed. */
async function bashOffers(...line: readonly string[]): Promise<string[]> {
  const { stdout } = await alcove('completion', 'bash')
  const words = line.map(word => `'${word}'`).join(' ')
  const script = `${stdout}\nCOMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _alcove; printf '%s\\n' "\${COMPREPLY[@]}"`
  const ran = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
  equal(ran.stderr, '')
  return ran.stdout.split('\n').filter(word => word !== '')
}

test('bash offers the commands, a command’s flags, and a flag’s values', async () => {
  deepEqual(await bashOffers('alcove', 'ver'), ['verify'])
  deepEqual(await bashOffers('alcove', 'verify', '--col'), ['--collateral'])
  deepEqual(await bashOffers('alcove', 'verify', '--output', ''), ['text', 'json'])
  deepEqual(await bashOffers('alcove', 'up', '--tcb', 'Sw'), [])
  deepEqual(await bashOffers('alcove', 'up', '--tcb', 'SW'), ['SWHardeningNeeded'])
  deepEqual(await bashOffers('alcove', 'completion', ''), [...shells])
})

for (const [shell, syntaxOnly] of [
  ['zsh', '-n'],
  ['fish', '--no-execute'],
] as const) {
  const isHere = spawnSync(shell, ['--version']).status === 0
  const skip = isHere ? false : `${shell} is not on this machine`
  test(`the ${shell} script is one that ${shell} parses`, { skip }, async () => {
    const { stdout } = await alcove('completion', shell)
    const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
    try {
      const script = join(directory, 'script')
      await writeFile(script, stdout)
      const parsed = spawnSync(shell, [syntaxOnly, script], { encoding: 'utf8' })
      equal(parsed.status, 0, parsed.stderr)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
}

test('another shell is refused, and the shells are named', async () => {
  const { code, stderr } = await alcove('completion', 'tcsh')
  equal(code, 2)
  match(stderr, /Allowed choices are bash, zsh, fish/)
})
