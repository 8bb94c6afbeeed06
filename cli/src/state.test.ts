import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openState, readSeed, statePath } from './state.ts'

const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
after(() => rm(directory, { recursive: true }))

const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))

test('a state directory that is too long for socket paths, or empty, is refused', () => {
  throws(() => statePath(`/tmp/${'x'.repeat(90)}`), { code: 'ERR_STATE_PATH' })
  throws(() => statePath(''), { code: 'ERR_USAGE' })
  equal(statePath('/tmp/a/../b'), '/tmp/b')
})

test('a state directory is made with its parents, for this user only', async () => {
  const path = join(directory, 'deep/er')
  await openState(path)
  await openState(path)
  equal((await stat(path)).mode & 0o777, 0o700)
})

test('one that others may enter, that is a link, a file, or cannot be made, is refused at once', async () => {
  const open = await mkdtemp(join(directory, 'open-'))
  const link = join(directory, 'link')
  const file = join(directory, 'file')
  await symlink(open, link)
  await writeFile(file, '')
  await rejects(openState(link), { code: 'ERR_STATE_OWNER' })
  await rejects(openState(file), { code: 'ERR_STATE_OWNER' })
  await rejects(openState('/proc/alcove-none'), { code: 'ERR_STATE_PATH' })
})

test('the seed is made once, for this user only, and one that is damaged is refused', async () => {
  const state = await mkdtemp(join(directory, 'seed-'))
  const seed = await readSeed(state, random)
  deepEqual(await readSeed(state, random), seed)
  equal((await stat(join(state, 'seed'))).mode & 0o777, 0o600)
  await writeFile(join(state, 'seed'), 'ab')
  await rejects(readSeed(state, random), { code: 'ERR_STATE_SEED' })
})
