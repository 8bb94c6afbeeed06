import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteReader, ByteWriter, concatBytes, equalBytes } from './index.ts'

test('what the writer writes, the reader reads back', () => {
  fc.assert(
    fc.property(
      fc.nat(0xff),
      fc.nat(0xffff),
      fc.nat(0xffff_ffff),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      fc.uint8Array({ maxLength: 40 }),
      (a, b, c, d, e) => {
        const bytes = new ByteWriter('x')
          .u8('a', a)
          .u16le('b', b)
          .u32le('c', c)
          .u64le('d', d)
          .bytes('e', e, e.length)
          .done()
        const reader = new ByteReader(bytes, 'x')
        equal(reader.u8('a'), a)
        equal(reader.u16le('b'), b)
        equal(reader.u32le('c'), c)
        equal(reader.u64le('d'), d)
        deepEqual(Uint8Array.from(reader.bytes('e', e.length)), e)
        reader.end()
      },
    ),
  )
})

test('integers are little-endian', () => {
  deepEqual(new ByteWriter('x').u32le('a', 0x01020304).done(), Uint8Array.of(4, 3, 2, 1))
  equal(new ByteReader(Uint8Array.of(4, 3, 2, 1), 'x').u32le('a'), 0x01020304)
})

test('a read past the end names the field, its offset from the outermost input, and what is left', () => {
  const inner = new ByteReader(new Uint8Array(9), 'quote').nested('header', 9)
  inner.bytes('start', 8)
  throws(() => inner.u16le('qeSvn'), {
    code: 'ERR_FORMAT_TRUNCATED',
    field: 'quote.header.qeSvn',
    offset: 8,
    message: 'quote.header.qeSvn at 0x8: need 2 bytes, 1 left',
  })
})

test('a nested reader is confined, and leftovers are refused', () => {
  const reader = new ByteReader(new Uint8Array(4), 'x')
  const inner = reader.nested('inner', 2)
  throws(() => inner.bytes('a', 3), { code: 'ERR_FORMAT_TRUNCATED', field: 'x.inner.a' })
  throws(() => reader.end(), { code: 'ERR_FORMAT_TRAILING', field: 'x.(end)', offset: 2 })
})

test('a field with one legal value is refused at its own offset', () => {
  const reader = () => new ByteReader(Uint8Array.of(0, 0, 4, 0), 'x')
  const skipping = (then: (left: ByteReader) => unknown) => () => {
    const left = reader()
    left.bytes('skip', 2)
    then(left)
  }
  throws(
    skipping(left => left.expectU16le('version', 3)),
    { code: 'ERR_FORMAT_VALUE', field: 'x.version', offset: 2 },
  )
  throws(
    skipping(left => left.expectBytes('magic', Uint8Array.of(1, 0))),
    { code: 'ERR_FORMAT_VALUE', field: 'x.magic', offset: 2 },
  )
})

test('the writer refuses a value that does not fit, with field and offset', () => {
  const writer = () => new ByteWriter('report').zeros(0x102)
  throws(() => writer().u16le('isvSvn', 65536), {
    code: 'ERR_FORMAT_VALUE',
    field: 'report.isvSvn',
    offset: 0x102,
    message: 'report.isvSvn at 0x102: 65536 is not a u16',
  })
  for (const value of [-1, 1.5, Number.NaN, 2 ** 32]) {
    throws(() => writer().u32le('x', value), { code: 'ERR_FORMAT_VALUE' })
  }
  throws(() => writer().u64le('x', 1n << 64n), { code: 'ERR_FORMAT_VALUE' })
  throws(() => writer().bytes('mac', new Uint8Array(15), 16), { field: 'report.mac' })
})

test('equal bytes are the same in length and in each place', () => {
  const bytes = fc.uint8Array({ maxLength: 6 })
  fc.assert(fc.property(bytes, bytes, (a, b) => equalBytes(a, b) === (a.toHex() === b.toHex())))
  equal(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)).toHex(), '010203')
})
