import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, FrameReader } from './frame.ts'

test('a frame comes out whole whatever chunks it comes in, bytes behind it are ignored', () => {
  const body = fc.uint8Array({ maxLength: 300 })
  const cuts = fc.array(fc.nat(310), { maxLength: 12 })
  fc.assert(
    fc.property(body, cuts, fc.uint8Array({ maxLength: 5 }), (bytes, at, behind) => {
      const sent = Uint8Array.of(...encodeFrame(bytes), ...behind)
      const reader = new FrameReader(300)
      const ends = [...at.toSorted((a, b) => a - b), sent.byteLength]
      const bodies = ends.map((end, index) => reader.push(sent.subarray(ends[index - 1] ?? 0, end)))
      deepEqual(bodies.at(-1), bytes)
    }),
  )
})

test('a length above the cap is refused as soon as it is known', () => {
  const reader = new FrameReader(65_536)
  equal(reader.push(Uint8Array.of(1, 0, 1)), undefined)
  throws(() => reader.push(Uint8Array.of(0)), {
    code: 'ERR_FORMAT_VALUE',
    field: 'frame.length',
    message: 'frame.length at 0x0: 65537 bytes, the limit is 65536',
  })
})

test('an empty frame has an empty body', () => {
  deepEqual(new FrameReader(10).push(encodeFrame(new Uint8Array())), new Uint8Array())
})
