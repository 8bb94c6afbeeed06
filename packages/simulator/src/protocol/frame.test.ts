import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import fc from 'fast-check'
import { encodeFrame, FrameDecoder, maxFrameBytes } from './frame.ts'

test('frames come out as they went in, wherever the stream was cut', () => {
  const values = fc.array(fc.jsonValue(), { maxLength: 5 })
  fc.assert(
    fc.property(values, fc.array(fc.nat(200)), (sent, cuts) => {
      const stream = concatBytes(...sent.map(encodeFrame))
      const decoder = new FrameDecoder('ERR_SIMULATOR_REQUEST')
      const received: unknown[] = []
      let position = 0
      for (const length of [...cuts, stream.byteLength]) {
        received.push(...decoder.push(stream.subarray(position, position + length)))
        position += length
      }
      deepEqual(received, JSON.parse(JSON.stringify(sent)))
      equal(decoder.isMidFrame, false)
    }),
  )
})

test('a frame is its length in four bytes, little-endian, and JSON', () => {
  equal(
    encodeFrame({ op: 'epc' }).toHex(),
    `0c000000${Buffer.from('{"op":"epc"}').toString('hex')}`,
  )
})

test('a length over the limit is refused before its bytes come', () => {
  const decoder = new FrameDecoder('ERR_SIMULATOR_ANSWER')
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, maxFrameBytes + 1, true)
  throws(() => [...decoder.push(length)], { code: 'ERR_SIMULATOR_ANSWER' })
})

for (const [what, json] of [
  ['empty', ''],
  ['not JSON', '{'],
  ['not UTF-8', '\xff'],
] as const) {
  test(`a frame that is ${what} is refused`, () => {
    const frame = Buffer.from(`\0\0\0\0${json}`, 'latin1')
    frame.writeUInt32LE(json.length)
    const decoder = new FrameDecoder('ERR_SIMULATOR_REQUEST')
    throws(() => [...decoder.push(frame)], { code: 'ERR_SIMULATOR_REQUEST' })
  })
}

test('part of a frame, even of its length, is being waited for', () => {
  const decoder = new FrameDecoder('ERR_SIMULATOR_REQUEST')
  deepEqual([...decoder.push(encodeFrame(1).subarray(0, 3))], [])
  equal(decoder.isMidFrame, true)
})
