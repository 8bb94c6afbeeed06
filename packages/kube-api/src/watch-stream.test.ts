import { deepEqual, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readWatch, type WatchEvent } from './watch-stream.ts'

const pod = (uid: string, resourceVersion: string) => ({
  metadata: { uid, resourceVersion, name: 'ñ' },
})

async function read(parts: readonly Uint8Array[], maxBytes = 1_000): Promise<WatchEvent[]> {
  const stream = (async function* () {
    yield* parts
  })()
  return Array.fromAsync(readWatch(stream, { path: '/x', maxBytes, onBytes: () => undefined }))
}

const text = [
  { type: 'ADDED', object: pod('1', '2') },
  { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
  { type: 'DELETED', object: pod('1', '10') },
]
  .map(event => `${JSON.stringify(event)}\n`)
  .join('')

test('however the bytes are cut, the events are the same', async () => {
  const bytes = new TextEncoder().encode(text)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length)), async cuts => {
      const ends = [...cuts.toSorted((a, b) => a - b), bytes.length]
      const parts = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
      deepEqual(await read(parts), [
        { type: 'ADDED', uid: '1', resourceVersion: '2', object: pod('1', '2') },
        { type: 'BOOKMARK', resourceVersion: '9' },
        { type: 'DELETED', uid: '1', resourceVersion: '10', object: pod('1', '10') },
      ])
    }),
  )
})

const bytesOf = (value: string) => [new TextEncoder().encode(value)]

test('the server’s own error ends the watch with its status', async () => {
  const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } }
  await rejects(read(bytesOf(`${JSON.stringify(gone)}\n`)), {
    code: 'ERR_KUBE_STATUS',
    status: 410,
    message: '/x: HTTP 410: too old',
  })
})

for (const [what, line] of [
  ['is no JSON', '<html>'],
  ['has no uid', '{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}'],
  ['is of an unknown type', '{"type":"GREETING","object":{}}'],
] as const) {
  test(`a line that ${what} is refused`, async () => {
    await rejects(read(bytesOf(`${line}\n`)), { code: 'ERR_KUBE_ANSWER' })
  })
}

test('an event without end is cut off', async () => {
  await rejects(read(bytesOf('x'.repeat(2_000))), {
    code: 'ERR_KUBE_ANSWER',
    message: '/x: an event of more than 1000 bytes',
  })
})
