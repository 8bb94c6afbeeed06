import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { decoded } from './encoding.ts'

const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
const utf8 = (text: string) => new TextEncoder().encode(text)

for (const [what, text, encoding] of [
  ['hex', bytes.toHex(), 'hex'],
  ['hex in capitals after 0x', `0x${bytes.toHex().toUpperCase()}`, 'hex'],
  [
    'hex in lines, with a NUL at the end',
    `${bytes.toHex().replaceAll(/.{32}/g, '$&\r\n')}\0`,
    'hex',
  ],
  ['base64', bytes.toBase64(), 'base64'],
  ['base64 in lines', `  ${bytes.toBase64().replaceAll(/.{64}/g, '$&\n')}\n`, 'base64'],
  [
    'base64url without padding',
    bytes.toBase64({ alphabet: 'base64url', omitPadding: true }),
    'base64',
  ],
] as const) {
  test(`${what} is recognised, and gives the bytes`, () => {
    const content = decoded(utf8(text))
    equal(content.encoding, encoding)
    equal(content.bytes.toHex(), bytes.toHex())
    equal(content.text, undefined)
  })
}

for (const [what, input] of [
  ['bytes', bytes],
  ['bytes that begin as text does', utf8('03000200\x01')],
  ['bytes that are no UTF-8', Uint8Array.of(0x41, 0xff)],
  ['zeros', new Uint8Array(512)],
  ['nothing', new Uint8Array()],
] as const) {
  test(`${what}: taken as they are`, () => {
    deepEqual(decoded(input), { bytes: input, encoding: 'raw', text: undefined })
  })
}

test('JSON and PEM are text; hex or base64 of them is too', () => {
  const json = '{"tcbInfo": {"a": "é"}}\n'
  deepEqual(decoded(utf8(json)), { bytes: utf8(json), encoding: 'raw', text: json })
  deepEqual(decoded(utf8(utf8(json).toHex())), { bytes: utf8(json), encoding: 'hex', text: json })
  const inBase64 = decoded(utf8(utf8(json).toBase64()))
  deepEqual([inBase64.encoding, inBase64.text], ['base64', json])
})

test('PEM of a header of Intel’s PCS is decoded from its URL form', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  deepEqual(decoded(utf8(encodeURIComponent(pem))), {
    bytes: utf8(pem),
    encoding: 'url',
    text: pem,
  })
})

test('five letters are no hex, and no base64 either', () => {
  equal(decoded(utf8('abcde')).encoding, 'raw')
})
