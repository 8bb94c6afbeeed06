import { equal, match, rejects } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSource } from './source.ts'

const clone = await mkdtemp(join(tmpdir(), 'alcove-source-'))
after(() => rm(clone, { recursive: true }))

function git(...args: readonly string[]): boolean {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
  const env = { ...process.env, GIT_COMMITTER_DATE: '1700000000 +0000' }
  return spawnSync('git', ['-C', clone, ...identity, ...args], { env }).status === 0
}

test('a folder that is no clone has the time that is asked for, and says that it is unknown', async () => {
  const { revision, time, warning } = await readSource(clone, '12')
  equal(revision, 'unknown')
  equal(time, 12)
  match(warning ?? '', /no commit is known/)
})

test('a clean clone has its commit’s time; a dirty one is marked', async t => {
  await writeFile(join(clone, 'a'), 'a')
  if (!(git('init', '-q') && git('add', 'a') && git('commit', '-q', '-m', 'a'))) {
    t.skip('this machine has no git')
    return
  }
  const clean = await readSource(clone, undefined)
  match(clean.revision, /^[0-9a-f]{40}$/)
  equal(clean.time, 1_700_000_000)
  equal(clean.warning, undefined)
  equal((await readSource(clone, '1600000000')).time, 1_600_000_000)
  await writeFile(join(clone, 'b'), 'b')
  const dirty = await readSource(clone, undefined)
  equal(dirty.revision, `${clean.revision}-dirty`)
  match(dirty.warning ?? '', /1 files differ/)
})

test('an epoch that is no number of seconds is refused', async () => {
  await rejects(readSource(clone, 'yesterday'), { code: 'ERR_IMAGE_EPOCH' })
})
