import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import * as der from './der-writer.ts'

const cases: readonly (readonly [what: string, element: Uint8Array, hex: string])[] = [
  ['an integer is as short as it can be', der.integer(0x7f), '02017f'],
  ['an integer with its top bit set gets a zero byte', der.integer(0xff), '020200ff'],
  ['zero is one byte', der.integer(0), '020100'],
  ['a PCESVN of two bytes', der.integer(65535), '020300ffff'],
  ['leading zeros of a serial number go', der.unsignedInteger(Uint8Array.of(0, 0, 1)), '020101'],
  ['an empty magnitude is zero', der.unsignedInteger(new Uint8Array()), '020100'],
  ['true is all ones', der.boolean(true), '0101ff'],
  ['enumerated', der.enumerated(1), '0a0101'],
  ['a bit string says its unused bits', der.bitString(Uint8Array.of(6), 1), '03020106'],
  ['utf-8', der.utf8String('é'), '0c02c3a9'],
  ['the SGX extension', der.objectIdentifier('1.2.840.113741.1.13.1'), '06092a864886f84d010d01'],
  ['ECDSA with SHA-256', der.objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  ['a time until 2049', der.time(new Date('2049-12-31T23:59:59.9Z')), utc('491231235959Z')],
  [
    'a time after 2049',
    der.time(new Date('2050-01-01T00:00:00Z')),
    `180f${ascii('20500101000000Z')}`,
  ],
  ['an empty sequence', der.sequence(), '3000'],
  ['tagged', der.explicit(3, der.implicitPrimitive(0, Uint8Array.of(1))), 'a303800101'],
]

for (const [what, element, hex] of cases) test(what, () => equal(element.toHex(), hex))

test('a length is short below 128, and then says its own length', () => {
  const head = (length: number) => der.octetString(new Uint8Array(length)).subarray(0, 4).toHex()
  equal(head(127).slice(0, 4), '047f')
  equal(head(128).slice(0, 6), '048180')
  equal(head(255).slice(0, 6), '0481ff')
  equal(head(256), '04820100')
  equal(head(65535), '0482ffff')
})

function ascii(text: string): string {
  return new TextEncoder().encode(text).toHex()
}

function utc(text: string): string {
  return `170d${ascii(text)}`
}
