import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
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
  deepEqual(await bashOffers('alcove', 'completion', ''), ['--help', ...shells])
})

test('bash: before a command, after =, and after an argument that was given', async () => {
  const first = await bashOffers('alcove', '--verbose', '')
  for (const word of ['up', 'sim', 'help', '--help']) ok(first.includes(word), word)
  deepEqual(await bashOffers('alcove', '--verbose', 'sim', 'rec'), ['recover'])
  deepEqual(await bashOffers('alcove', 'status', '--output', '='), ['text', 'json'])
  deepEqual(await bashOffers('alcove', 'status', '--output', '=', 'j'), ['json'])
  deepEqual(await bashOffers('alcove', 'status', '--output=j'), ['--output=json'])
  deepEqual(await bashOffers('alcove', 'help', 'ver'), ['verify'])
  deepEqual(await bashOffers('alcove', 'help', 'verify', ''), [])
  const actions = ['recover', 'provision', 'status', 'values', 'secret', 'root', 'collateral']
  const flags = ['--node', '--namespace', '--name', '--state', '--output', '--help']
  deepEqual(await bashOffers('alcove', 'sim', ''), [...flags, ...actions])
  deepEqual(await bashOffers('alcove', 'sim', 'recover', ''), flags)
  deepEqual(await bashOffers('alcove', 'sim', '--output', '=', 'json', ''), [...flags, ...actions])
})

test('bash offers files where a file is wanted, and none for a number, a name or a time', async () => {
  deepEqual(await bashOffers('alcove', 'run', 'READM'), ['README.md'])
  deepEqual(await bashOffers('alcove', 'verify', 'q', '--root', 'READM'), ['README.md'])
  deepEqual(await bashOffers('alcove', 'inspect', 'READM'), ['README.md'])
  deepEqual(await bashOffers('alcove', 'inspect', 'a', 'b', 'READM'), ['README.md'])
  deepEqual(await bashOffers('alcove', 'run', 'a', 'READM'), [])
  deepEqual(await bashOffers('alcove', 'inspect', '--as', 'sig'), ['sigstruct'])
  for (const [command, flag] of [
    ['up', '--nodes'],
    ['run', '--node'],
    ['run', '--epc'],
    ['verify', '--at'],
  ] as const) {
    deepEqual(await bashOffers('alcove', command, flag, ''), [], flag)
  }
  deepEqual(await bashOffers('alcove', 'up', 'READM'), [])
})

const typed: readonly (readonly [line: string, completed: string])[] = [
  ['sim rec', 'sim recover'],
  ['--verbose sim rec', '--verbose sim recover'],
  ['status --output=js', 'status --output=json'],
  ['help veri', 'help verify'],
  ['doctor --he', 'doctor --help'],
  ['up --nodes on', 'up --nodes on'],
  ['sim recover prov', 'sim recover prov'],
  ['run on', 'run only-file'],
]

const zsh = spawnSync('zsh', ['--version']).status === 0
test('zsh completes at the first Tab, from a folder of $fpath', {
  skip: zsh ? false : 'zsh is not on this machine',
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
  try {
    await writeFile(join(directory, 'only-file'), '')
    await mkdir(join(directory, 'functions'))
    const { stdout } = await alcove('completion', 'zsh')
    await writeFile(join(directory, 'functions/_alcove'), stdout)
    await writeFile(
      join(directory, '.zshrc'),
      `fpath=(${directory}/functions $fpath)\nautoload -Uz compinit; compinit -u -D\nPS1=\nalcove() { print "GOT:$*:END"; exit }\n`,
    )
    for (const [line, completed] of typed) {
      const script = `zmodload zsh/zpty; zpty z zsh -d -i; zpty -w -n z $'alcove ${line}\t\n'; zpty -r z said '*:END*'; print -r -- $said`
      const ran = spawnSync('zsh', ['-f', '-c', script], {
        cwd: directory,
        env: { ...process.env, ZDOTDIR: directory, TERM: 'dumb' },
        encoding: 'utf8',
        timeout: 20_000,
      })
      equal(/GOT:(.*?) ?:END/.exec(ran.stdout)?.[1], completed, ran.stdout + ran.stderr)
    }
  } finally {
    await rm(directory, { recursive: true })
  }
})

const fish = spawnSync('fish', ['--version']).status === 0
test('fish offers the same', { skip: fish ? false : 'fish is not on this machine' }, async () => {
  const { stdout } = await alcove('completion', 'fish')
  const offers = (line: string) => {
    const script = `${stdout}\ncomplete -C '${line}'`
    const ran = spawnSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' })
    return ran.stdout
      .split('\n')
      .map(word => word.split('\t')[0])
      .filter(word => word !== '')
  }
  deepEqual(offers('alcove sim rec'), ['recover'])
  deepEqual(offers('alcove --verbose sim rec'), ['recover'])
  deepEqual(offers('alcove sim recover prov'), [])
  deepEqual(offers('alcove up --nodes READM'), [])
  deepEqual(offers('alcove help veri'), ['verify'])
  deepEqual(offers('alcove run READM'), ['README.md'])
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
