import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { encodeTcs, parseSgxs, parseTcs, SecinfoFlag } from './index.ts'

const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index % 251)
const view = new DataView(bytes.buffer)

test('each field of a TCS is read from its own offset', () => {
  const tcs = parseTcs(bytes)
  const { state, flags, ossa, oentry, aep, ofsBase, ogsBase } = tcs
  deepEqual(
    [state, flags, ossa, oentry, aep, ofsBase, ogsBase],
    [0, 8, 16, 32, 40, 48, 56].map(offset => view.getBigUint64(offset, true)),
  )
  deepEqual(
    [tcs.cssa, tcs.nssa, tcs.fsLimit, tcs.gsLimit],
    [24, 28, 64, 68].map(offset => view.getUint32(offset, true)),
  )
  equal(tcs.reserved?.toHex(), bytes.subarray(72).toHex())
})

test('reserved bytes of a TCS are a field only where one of them is not zero', () => {
  const tcs = parseTcs(new Uint8Array(4096))
  equal('reserved' in tcs, false)
  equal(encodeTcs(tcs).length, 4096)
  const reserved = new Uint8Array(4025)
  throws(() => encodeTcs({ ...tcs, reserved }), { code: 'ERR_FORMAT_VALUE', offset: 72 })
})

test('a value that does not fit a TCS is not encoded', () => {
  throws(() => encodeTcs({ ...parseTcs(bytes), nssa: -1 }), { field: 'tcs.nssa', offset: 28 })
})

await withSharedVectors('real enclaves: their TCS pages', 2, vectors => {
  for (const name of ['test_enclave', 'report']) {
    test(`${name}.sgxs: its TCS names an entry and SSA frames inside the enclave, and comes back`, async () => {
      const { size, pages } = tcsPages(await vectors.bytes(`mrenclave/${name}.sgxs`))
      equal(pages.length > 0, true)
      for (const page of pages) {
        const tcs = parseTcs(page)
        equal(encodeTcs(tcs).toHex(), page.toHex())
        const { state, flags, cssa, aep } = tcs
        deepEqual({ state, flags, cssa, aep }, { state: 0n, flags: 0n, cssa: 0, aep: 0n })
        equal(tcs.nssa > 0, true)
        equal(tcs.ossa % 4096n, 0n)
        equal(tcs.ossa > 0n && tcs.ossa < size, true)
        equal(tcs.oentry < size, true)
        equal('reserved' in tcs, false)
      }
    })
  }
})

/** Each page that an SGXS file adds as a TCS, put together from its chunks. */
function tcsPages(sgxs: Uint8Array): { size: bigint; pages: Uint8Array[] } {
  const chunks = new Map<bigint, Uint8Array[]>()
  let size = 0n
  for (const record of parseSgxs(sgxs)) {
    if (record.type === 'ecreate') size = record.size
    else if (record.type === 'eadd') {
      if (record.secinfoFlags === SecinfoFlag.tcs) chunks.set(record.offset, [])
    } else chunks.get(record.offset - (record.offset % 4096n))?.push(record.data)
  }
  return { size, pages: [...chunks.values()].map(parts => concatBytes(...parts)) }
}
