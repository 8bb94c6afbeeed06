import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSecs, parseSecs } from './index.ts'

const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index % 251)
const at = (offset: number, length: number) => bytes.subarray(offset, offset + length).toHex()
const view = new DataView(bytes.buffer)
const u64At = (offset: number) => view.getBigUint64(offset, true)

test('each field of a SECS is read from its own offset', () => {
  const secs = parseSecs(bytes)
  deepEqual([secs.size, secs.baseAddress], [u64At(0), u64At(8)])
  deepEqual([secs.ssaFrameSize, secs.miscSelect], [0x13121110, 0x17161514])
  deepEqual(secs.attributes, { flags: u64At(48), xfrm: u64At(56) })
  equal(secs.mrEnclave.toHex(), at(64, 32))
  equal(secs.mrSigner.toHex(), at(128, 32))
  equal(secs.configId.toHex(), at(192, 64))
  const { isvProdId, isvSvn, configSvn } = secs
  deepEqual([isvProdId, isvSvn, configSvn], [0x0605, 0x0807, 0x0a09])
  equal(secs.reserved?.toHex(), at(24, 24) + at(96, 32) + at(160, 32) + at(262, 3834))
})

test('reserved bytes of a SECS are a field only where one of them is not zero', () => {
  const secs = parseSecs(new Uint8Array(4096))
  equal('reserved' in secs, false)
  equal(encodeSecs(secs).length, 4096)
  const code = 'ERR_FORMAT_VALUE'
  throws(() => encodeSecs({ ...secs, reserved: new Uint8Array(3921) }), { code })
  throws(() => encodeSecs({ ...secs, reserved: new Uint8Array(3923) }), { code })
})

test('a value that does not fit a SECS is not encoded', () => {
  const secs = parseSecs(bytes)
  throws(() => encodeSecs({ ...secs, isvSvn: 0x1_0000 }), { field: 'secs.isvSvn', offset: 258 })
})
