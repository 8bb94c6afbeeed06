import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { debianParts, type Fetched, fetchLocked } from './debian.ts'
import { ImageError } from './image-error.ts'

const cache = await mkdtemp(join(tmpdir(), 'alcove-debian-'))
after(() => rm(cache, { recursive: true }))

/** A version that was never published, at a place where a mirror has nothing. */
const gone = {
  name: 'libatomic1',
  version: '0.0-1',
  file: 'pool/main/g/gcc-0/libatomic1_0.0-1_amd64.deb',
  bytes: 1,
  sha256: '0'.repeat(64),
}

test('a library that is in none of the packages is named, with who needs it and the remedy', async t => {
  if (process.platform !== 'linux') return void t.skip('only Linux has ELF programs')
  const node = { name: 'node', bytes: await readFile(process.execPath) }
  await rejects(debianParts({ locked: true, packages: [] }, [node]), {
    code: 'ERR_IMAGE_LIBRARY',
    message: /^lib.*, which node needs, .*npm run image -- lock$/,
  })
})

test('with apt and the network: what is no longer served is refused where only locked libraries are wanted; elsewhere the image is unlocked, and says so', async t => {
  const warnings: string[] = []
  const fetch = async (lockedOnly: boolean): Promise<Fetched> =>
    await fetchLocked([gone], {
      cache,
      lockedOnly,
      onProgress: () => undefined,
      onWarning: line => warnings.push(line),
    })
  const refused = await fetch(true).catch((error: unknown) => error)
  ok(refused instanceof ImageError, String(refused))
  if (refused.code !== 'ERR_IMAGE_UNLOCKED')
    return void t.skip(`not here: ${refused.message.replaceAll(/\s+/g, ' ')}`)
  match(refused.message, /libatomic1 0\.0-1 is locked, .*npm run image -- lock/)
  deepEqual(warnings, [])
  const { locked, packages } = await fetch(false)
  equal(locked, false)
  const names = packages.map(({ name }) => name)
  ok(names.includes('libatomic1') && names.includes('libc6'))
  match(warnings[0] ?? '', /building UNLOCKED/)
  equal(warnings.length, 1 + packages.length)
})
