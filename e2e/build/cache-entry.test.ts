import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ensureEntry, isComplete } from './cache-entry.ts'
import { lockDirectory } from './directory-lock.ts'

const linux = { skip: process.platform === 'linux' ? false : 'flock(1) of util-linux' }

async function freshCache(t: TestContext): Promise<string> {
  const cache = await mkdtemp(join(tmpdir(), 'alcove-cache-'))
  t.after(() => rm(cache, { recursive: true }))
  return cache
}

function entryOf(
  cache: string,
  fill: (directory: string) => Promise<void>,
  onWait: () => void = () => undefined,
) {
  return ensureEntry({ cache, name: 'helm-1', fill, signal: AbortSignal.timeout(60_000), onWait })
}

const fillHelm = async (directory: string): Promise<void> => {
  await mkdir(join(directory, 'bin'))
  await writeFile(join(directory, 'bin/helm'), 'program')
}

test('an entry is filled once and then found', linux, async t => {
  const cache = await freshCache(t)
  const first = await entryOf(cache, fillHelm)
  equal(first, join(cache, 'helm-1'))
  equal(await entryOf(cache, () => Promise.reject(new Error('filled again'))), first)
})

test('a fill that fails leaves no entry behind, and the next one succeeds', linux, async t => {
  const cache = await freshCache(t)
  const failing = async (directory: string): Promise<void> => {
    await fillHelm(directory)
    throw new Error('no space')
  }
  await rejects(entryOf(cache, failing), /no space/)
  deepEqual(await readdir(cache), ['lock'])
  ok(existsSync(join(await entryOf(cache, fillHelm), 'bin/helm')))
})

test('an entry whose file was cut short is filled again', linux, async t => {
  const cache = await freshCache(t)
  const directory = await entryOf(cache, fillHelm)
  await truncate(join(directory, 'bin/helm'), 3)
  equal(await isComplete(directory), false)
  await entryOf(cache, fillHelm)
  ok(await isComplete(directory))
})

test('of two at once one fills and the other waits for it', linux, async t => {
  const cache = await freshCache(t)
  let fills = 0
  let waits = 0
  const waiting = Promise.withResolvers<void>()
  const fill = async (directory: string): Promise<void> => {
    fills += 1
    await waiting.promise
    await fillHelm(directory)
  }
  const onWait = (): void => {
    waits += 1
    waiting.resolve()
  }
  await Promise.all([entryOf(cache, fill, onWait), entryOf(cache, fill, onWait)])
  deepEqual({ fills, waits }, { fills: 1, waits: 1 })
})

test(
  'a holder that is killed does not keep the lock, and what it left is removed',
  linux,
  async t => {
    const cache = await freshCache(t)
    await mkdir(join(cache, 'building-left'))
    const lock = JSON.stringify(join(import.meta.dirname, 'directory-lock.ts'))
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const { lockDirectory } = await import(${lock})
       await lockDirectory(${JSON.stringify(cache)}, new AbortController().signal, () => undefined)
       process.stdout.write('held')
       setInterval(() => {}, 1e6)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(holder.stdout, 'data')
    await entryOf(cache, fillHelm, () => void holder.kill('SIGKILL'))
    deepEqual((await readdir(cache)).toSorted(), ['helm-1', 'lock'])
  },
)

test('waiting for the lock ends when it is aborted', linux, async t => {
  const cache = await freshCache(t)
  await using _held = await lockDirectory(cache, AbortSignal.timeout(60_000), () => undefined)
  const stop = new AbortController()
  await rejects(
    lockDirectory(cache, stop.signal, () => stop.abort()),
    { name: 'AbortError' },
  )
})
