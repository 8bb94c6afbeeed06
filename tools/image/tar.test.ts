import { deepEqual, equal, throws } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { type Entry, tarBytes, tarPieces } from './tar.ts'

const long = `opt/${'d'.repeat(90)}/${'f'.repeat(60)}`
const entries: readonly Entry[] = [
  { path: 'opt/b', kind: 'file', bytes: Buffer.from('bytes of b') },
  { path: 'lib', kind: 'symlink', target: 'usr/lib' },
  { path: long, kind: 'file', bytes: new Uint8Array(512), mode: 0o755 },
  { path: 'tmp', kind: 'directory', mode: 0o1777 },
  { path: 'home/alcove', kind: 'directory', mode: 0o700, uid: 65_532 },
]
const archive = Buffer.concat([...tarPieces(entries, 1_700_000_000)])

test('the same entries give the same bytes in whatever order they come', () => {
  const other = Buffer.concat([...tarPieces(entries.toReversed(), 1_700_000_000)])
  deepEqual(other, archive)
})

test('the length is known before the archive is made', () => {
  equal(archive.byteLength, tarBytes(entries))
})

test('tar lists what went in: parents first, fixed owners, modes and time', t => {
  const args = ['--utc', '--full-time', '--numeric-owner', '-tvf', '-']
  const { error, status, stdout, stderr } = spawnSync('tar', args, {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (error !== undefined || /unrecognized|illegal|not supported/i.test(stderr)) {
    t.skip('this machine has no GNU tar')
    return
  }
  equal(status, 0, stderr)
  deepEqual(
    stdout
      .trim()
      .split('\n')
      .map(line => line.replaceAll(/ +/g, ' ')),
    [
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 home/',
      'drwx------ 65532/65532 0 2023-11-14 22:13:20 home/alcove/',
      'lrwxrwxrwx 0/0 0 2023-11-14 22:13:20 lib -> usr/lib',
      'drwxr-xr-x 0/0 0 2023-11-14 22:13:20 opt/',
      '-rw-r--r-- 0/0 10 2023-11-14 22:13:20 opt/b',
      `drwxr-xr-x 0/0 0 2023-11-14 22:13:20 opt/${'d'.repeat(90)}/`,
      `-rwxr-xr-x 0/0 512 2023-11-14 22:13:20 ${long}`,
      'drwxrwxrwt 0/0 0 2023-11-14 22:13:20 tmp/',
    ],
  )
})

test('two entries at one path are refused', () => {
  const twice: Entry = { path: 'a', kind: 'directory' }
  throws(() => [...tarPieces([twice, twice], 0)], { code: 'ERR_IMAGE_ENTRY' })
})

test('a name that ustar cannot hold is refused', () => {
  const entry: Entry = { path: 'f'.repeat(101), kind: 'file', bytes: new Uint8Array(0) }
  throws(() => [...tarPieces([entry], 0)], { code: 'ERR_IMAGE_ENTRY' })
})
