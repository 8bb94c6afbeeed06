import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { parseMirrors, parseServed } from './apt.ts'

const hash = 'fb'.repeat(32)

test('what apt would download is read from its line, among others', () => {
  const text = `Reading lists\n'http://mirror.example/debian/pool/main/g/gcc-12/libatomic1_12.2.0-14%2bdeb12u1_amd64.deb' libatomic1_12.2.0-14+deb12u1_amd64.deb 9376 SHA256:${hash}\n`
  deepEqual(parseServed(text), [
    {
      uri: 'http://mirror.example/debian/pool/main/g/gcc-12/libatomic1_12.2.0-14%2bdeb12u1_amd64.deb',
      bytes: 9376,
      sha256: hash,
    },
  ])
})

test('a line without a SHA-256 is no answer', () => {
  deepEqual(parseServed("'http://mirror.example/a.deb' a.deb 9376 MD5Sum:00\n"), [])
})

test('mirrors are told by their indexes, each once', () => {
  const text = [
    "'http://mirror.example/debian/dists/bookworm/InRelease' a 0 ",
    "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' b 0 ",
    "'http://mirror.example/debian-security/dists/bookworm-security/InRelease' c 0 ",
  ].join('\n')
  deepEqual(parseMirrors(text), [
    'http://mirror.example/debian/',
    'http://mirror.example/debian-security/',
  ])
})
