import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import fc from 'fast-check'
import { withSharedVectors } from '../../../tools/vectors.ts'
import {
  EnclaveMeasurement,
  measureSgxs,
  parseSgxs,
  SecinfoFlag,
  type SgxsRecord,
} from './index.ts'

const pageFlags = SecinfoFlag.regular | SecinfoFlag.read | SecinfoFlag.write
const chunk = Uint8Array.from({ length: 256 }, (_, index) => index)
const created = () => {
  const measurement = new EnclaveMeasurement()
  measurement.ecreate(1, 0x4000n)
  return measurement
}

/** A 64-byte record, spelled out by hand: text and hex, padded with zeros. */
function record(tag: string, hex: string): Uint8Array {
  const bytes = new Uint8Array(64)
  bytes.set(new TextEncoder().encode(tag))
  bytes.set(Uint8Array.fromHex(hex), 8)
  return bytes
}
const ecreate = record('ECREATE', '010000000040000000000000')
const eadd = record('EADD', '00100000000000000302000000000000')
const eextend = record('EEXTEND', '0011000000000000')
const unmeasrd = record('UNMEASRD', '0012000000000000')
const small = concatBytes(ecreate, eadd, eextend, chunk)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('MRENCLAVE is the hash of the steps, each a record as the processor makes it', () => {
  const measurement = created()
  equal(measurement.mrEnclave().toHex(), sha256(ecreate))
  measurement.eadd(0x1000n, pageFlags)
  measurement.eextend(0x1100n, chunk)
  equal(measurement.mrEnclave().toHex(), sha256(small))
  equal(measurement.mrEnclave().toHex(), sha256(small), 'asking twice changes nothing')
})

test('steps out of order are refused', () => {
  const code = 'ERR_SGX_MEASUREMENT_ORDER'
  throws(() => new EnclaveMeasurement().mrEnclave(), { code, enclaveOffset: undefined })
  throws(() => new EnclaveMeasurement().eadd(0n, pageFlags), { code, enclaveOffset: 0n })
  throws(() => new EnclaveMeasurement().eextend(0n, chunk), { code, enclaveOffset: 0n })
  throws(() => created().ecreate(1, 0x4000n), { code })
  throws(() => created().eextend(0x1100n, chunk), {
    code,
    enclaveOffset: 0x1100n,
    message: 'EEXTEND: the page of 0x1100 was not added',
  })
})

test('offsets that are unaligned, or outside the enclave, are refused', () => {
  const code = 'ERR_SGX_MEASUREMENT_ALIGNMENT'
  throws(() => created().eadd(0x1001n, pageFlags), {
    code,
    enclaveOffset: 0x1001n,
    message: 'EADD: offset 0x1001 is not a multiple of 4096',
  })
  const measurement = created()
  measurement.eadd(0x1000n, pageFlags)
  throws(() => measurement.eextend(0x1180n, chunk), { code, enclaveOffset: 0x1180n })
  throws(() => created().eadd(0x4000n, pageFlags), {
    code: 'ERR_SGX_MEASUREMENT_RANGE',
    enclaveOffset: 0x4000n,
  })
})

test('a number or a chunk that does not fit is refused, and leaves the measurement as it was', () => {
  const code = 'ERR_FORMAT_VALUE'
  const measurement = created()
  measurement.eadd(0x1000n, pageFlags)
  const before = measurement.mrEnclave().toHex()
  throws(() => measurement.eadd(0x2000n, 1n << 64n), { code, field: 'EADD.secinfo.flags' })
  throws(() => measurement.eadd(-0x1000n, pageFlags), { code, field: 'EADD.offset' })
  throws(() => measurement.eextend(0x1000n, new Uint8Array(255)), { code, field: 'EEXTEND.data' })
  equal(measurement.mrEnclave().toHex(), before)
  const fresh = new EnclaveMeasurement()
  throws(() => fresh.ecreate(2 ** 32, 0x4000n), { code, field: 'ECREATE.ssaFrameSize' })
  fresh.ecreate(1, 0x4000n)
})

test('an SGXS file is measured by its records; its unmeasured data is skipped', () => {
  equal(measureSgxs(small).toHex(), sha256(small))
  equal(measureSgxs(concatBytes(small, unmeasrd, chunk)).toHex(), sha256(small))
})

test('records are read one by one, with what they say', () => {
  deepEqual(
    [...parseSgxs(concatBytes(small, unmeasrd, chunk))],
    [
      { type: 'ecreate', ssaFrameSize: 1, size: 0x4000n },
      { type: 'eadd', offset: 0x1000n, secinfoFlags: 0x203n },
      { type: 'eextend', offset: 0x1100n, data: chunk },
      { type: 'unmeasrd', offset: 0x1200n, data: chunk },
    ],
  )
})

test('an unfinished, unknown or dirty record is refused at its place in the file', () => {
  const code = 'ERR_FORMAT_VALUE'
  const measure =
    (...parts: Uint8Array[]) =>
    () =>
      measureSgxs(concatBytes(...parts))
  throws(measure(record('UNSIZED', '')), { code, field: 'sgxs.record[0].tag', offset: 0 })
  throws(measure(ecreate, record('EWHAT', '')), { code, field: 'sgxs.record[1].tag', offset: 64 })
  const dirty = eadd.slice()
  dirty[63] = 1
  throws(measure(ecreate, dirty), { code, field: 'sgxs.record[1].zeros', offset: 64 + 24 })
})

test('an SGXS file cut short inside a record or its data is refused as truncated', () => {
  const boundaries = new Set([0, 64, 128, small.length])
  fc.assert(
    fc.property(fc.nat(small.length), length => {
      const cut = small.subarray(0, length)
      if (boundaries.has(length)) return
      throws(() => measureSgxs(cut), { code: 'ERR_FORMAT_TRUNCATED' })
    }),
  )
  throws(() => measureSgxs(new Uint8Array()), { code: 'ERR_SGX_MEASUREMENT_ORDER' })
})

await withSharedVectors('real enclaves measure to their MRENCLAVE', 2, async vectors => {
  type Entry = { file: string; mrEnclave?: string; ecreate: number; eadd: number; eextend: number }
  const { files } = (await vectors.json('mrenclave/index.json')) as { files: Entry[] }
  for (const { file, mrEnclave, ecreate, eadd, eextend } of files) {
    if (mrEnclave === undefined) continue
    test(`${file} measures to ${mrEnclave.slice(0, 8)}…, from ${eadd} pages`, async () => {
      const bytes = await vectors.bytes(`mrenclave/${file}`)
      const count = (type: SgxsRecord['type']) =>
        [...parseSgxs(bytes)].filter(one => one.type === type).length
      equal(count('ecreate'), ecreate)
      equal(count('eadd'), eadd)
      equal(count('eextend'), eextend)
      equal(measureSgxs(bytes).toHex(), mrEnclave)
    })
  }
})
