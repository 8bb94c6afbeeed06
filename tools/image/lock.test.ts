import { deepEqual, equal, throws } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { lockFile, lockText, parseLock } from './lock.ts'

test('the committed lock names every package by version, file and hash, as it would be written', async () => {
  const text = await readFile(lockFile, 'utf8')
  equal(lockText(parseLock(text)), text)
})

const libc6 = {
  name: 'libc6',
  version: '2.36-9+deb12u14',
  file: 'pool/main/g/glibc/libc6_2.36-9+deb12u14_amd64.deb',
  bytes: 1,
  sha256: 'a'.repeat(64),
}

test('a lock is the same whatever order its packages were found in', () => {
  const other = { ...libc6, name: 'libatomic1' }
  equal(lockText([libc6, other]), lockText([other, libc6]))
  deepEqual(parseLock(lockText([libc6, other])), [other, libc6])
})

for (const [what, damaged] of Object.entries({
  'a hash that is none': { ...libc6, sha256: 'abc' },
  'a file outside the pool': { ...libc6, file: '/etc/passwd.deb' },
  'a name with an option in it': { ...libc6, name: '--version' },
  'a key that it does not know': { ...libc6, url: 'http://mirror' },
})) {
  test(`a lock with ${what} is refused with the remedy`, () => {
    throws(() => parseLock(lockText([damaged])), {
      code: 'ERR_IMAGE_LOCK',
      message: /npm run image -- lock/,
    })
  })
}
