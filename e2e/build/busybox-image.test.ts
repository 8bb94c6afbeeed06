import { deepEqual, equal, ok } from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { boxEntries, ensureTestImages } from './busybox-image.ts'

test('busybox is a file, its other names are links, and /tmp is for everybody', () => {
  const entries = new Map(
    boxEntries(new Uint8Array(3), ['busybox', 'sh', '[']).map(one => [one.path, one]),
  )
  deepEqual(entries.get('bin/sh'), { path: 'bin/sh', kind: 'symlink', target: 'busybox' })
  ok(entries.has('bin/['))
  equal(entries.get('bin/busybox')?.kind, 'file')
  equal(entries.get('tmp')?.mode, 0o1777)
})

const linux = { skip: process.platform === 'linux' ? false : 'flock(1) of util-linux' }

test('the same busybox gives the same archives', linux, async t => {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-box-'))
  t.after(() => rm(directory, { recursive: true }))
  const stub = join(directory, 'bin/busybox')
  await mkdir(dirname(stub))
  await writeFile(stub, '#!/bin/sh\necho busybox; echo sh; echo sleep\n')
  await chmod(stub, 0o755)
  const pack = async (cache: string): Promise<readonly Buffer[]> => {
    const archives = await ensureTestImages({
      cache: join(directory, cache),
      environment: { PATH: join(directory, 'bin') },
      signal: AbortSignal.timeout(60_000),
      onWait: () => undefined,
    })
    return Promise.all(archives.map(path => readFile(path)))
  }
  const first = await pack('one')
  deepEqual(await pack('two'), first)
  equal(first.length, 2)
  ok(first[0]?.includes('"io.containerd.image.name":"alcove.dev/box:1"'))
  ok(first[1]?.includes('"io.containerd.image.name":"alcove.dev/pause:1"'))
})
