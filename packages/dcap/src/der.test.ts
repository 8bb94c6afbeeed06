import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DerReader } from './der.ts'

const der = (hex: string) => new DerReader(Uint8Array.fromHex(hex), 'x')

const refused: readonly { what: string; hex: string; read: (reader: DerReader) => unknown }[] = [
  { what: 'an indefinite length', hex: '30800201000000', read: r => r.sequence('f') },
  { what: 'a length of one byte in long form', hex: '04817f', read: r => r.octetString('f') },
  { what: 'a length with a leading zero', hex: '0482007f', read: r => r.octetString('f') },
  { what: 'a length of four bytes', hex: '048401000000', read: r => r.octetString('f') },
  { what: 'another tag', hex: '0401ff', read: r => r.unsigned('f', 255) },
  { what: 'a tag of several bytes', hex: 'bf810100', read: r => r.anyContent('f') },
  { what: 'an INTEGER without bytes', hex: '0200', read: r => r.unsigned('f', 255) },
  { what: 'a padded INTEGER', hex: '0202007f', read: r => r.unsigned('f', 255) },
  { what: 'a negative INTEGER', hex: '0201ff', read: r => r.unsigned('f', 255) },
  { what: 'an INTEGER over its bound', hex: '02020100', read: r => r.unsigned('f', 255) },
  {
    what: 'an INTEGER over any number',
    hex: '020901ffffffffffffffff',
    read: r => r.unsigned('f', 9),
  },
  { what: 'a BOOLEAN of 01', hex: '010101', read: r => r.boolean('f') },
  { what: 'a BIT STRING of part bytes', hex: '030201fe', read: r => r.bitString('f') },
  { what: 'a BIT STRING without bytes', hex: '0300', read: r => r.bitString('f') },
  { what: 'an OID cut short', hex: '060188', read: r => r.oid('f') },
  { what: 'an OID without bytes', hex: '0600', read: r => r.oid('f') },
  { what: 'an OID with a padded arc', hex: '06032a8001', read: r => r.oid('f') },
  { what: 'an OID with a huge arc', hex: '060a2affffffffffffffff7f', read: r => r.oid('f') },
  { what: 'an OCTET STRING of another length', hex: '040100', read: r => r.octets('f', 2) },
  { what: 'a UTCTime without seconds', hex: `170b${ascii('2501010000Z')}`, read: r => r.time('f') },
  { what: 'a UTCTime in month 13', hex: `170d${ascii('251301000000Z')}`, read: r => r.time('f') },
  {
    what: 'a UTCTime on 30 February',
    hex: `170d${ascii('250230000000Z')}`,
    read: r => r.time('f'),
  },
  { what: 'a UTCTime at 24 h', hex: `170d${ascii('250101240000Z')}`, read: r => r.time('f') },
  {
    what: 'a UTCTime with an offset',
    hex: `1711${ascii('250101000000+0000')}`,
    read: r => r.time('f'),
  },
  {
    what: 'a GeneralizedTime with two digits of year',
    hex: `180d${ascii('250101000000Z')}`,
    read: r => r.time('f'),
  },
]

function ascii(text: string): string {
  return new TextEncoder().encode(text).toHex()
}

for (const { what, hex, read } of refused) {
  test(`DER: ${what} is refused with its field`, () => {
    throws(() => read(der(hex)), { code: 'ERR_FORMAT_VALUE', field: 'x.f' })
  })
}

test('DER: values are read as written', () => {
  equal(der('020400ffffff').unsigned('f', 2 ** 24), 0xffffff)
  equal(der('0101ff').boolean('f'), true)
  equal(der('06092a864886f84d010d01').oid('f'), '1.2.840.113741.1.13.1')
  equal(der('0603550403').oid('f'), '2.5.4.3')
  equal(der('0603883703').oid('f'), '2.999.3')
  equal(
    der(`170d${ascii('491231235959Z')}`)
      .time('f')
      .toISOString(),
    '2049-12-31T23:59:59.000Z',
  )
  equal(
    der(`170d${ascii('500101000000Z')}`)
      .time('f')
      .toISOString(),
    '1950-01-01T00:00:00.000Z',
  )
  const century = der(`180f${ascii('20500101000000Z')}`)
  equal(century.time('f').toISOString(), '2050-01-01T00:00:00.000Z')
  deepEqual(der('030200aa').bitString('f'), Uint8Array.of(0xaa))
})

test('DER: an error inside counts its offset from the outermost input', () => {
  const inner = der('3005020101040300').sequence('a')
  inner.unsigned('b', 1)
  throws(() => inner.octetString('c'), { code: 'ERR_FORMAT_TRUNCATED', field: 'x.a.c', offset: 7 })
})

test('DER: elements that no read has claimed are refused', () => {
  throws(() => der('0500').end(), { code: 'ERR_FORMAT_TRAILING', field: 'x.(end)', offset: 0 })
})

test('DER: nesting is bounded', () => {
  let reader = der('3000')
  const nested = (depth: number): string => {
    const inside = depth === 0 ? '' : nested(depth - 1)
    return `30${(inside.length / 2).toString(16).padStart(2, '0')}${inside}`
  }
  reader = der(nested(40))
  throws(
    () => {
      for (;;) reader = reader.sequence('s')
    },
    { code: 'ERR_FORMAT_VALUE', message: /deep/ },
  )
})

test('DER: whatever the bytes, a read answers or refuses by a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), bytes => {
      const reads: ((reader: DerReader) => unknown)[] = [
        r => r.sequence('f'),
        r => r.oid('f'),
        r => r.time('f'),
        r => r.unsigned('f', 2 ** 40),
        r => r.anyContent('f'),
      ]
      for (const read of reads) {
        try {
          read(new DerReader(bytes, 'x'))
        } catch (error) {
          equal((error as Error).name, 'FormatError')
        }
      }
    }),
  )
})
