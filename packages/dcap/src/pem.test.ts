import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { intelRoots } from './intel-roots.ts'
import { certificatesFromPem } from './pem.ts'

const [root = new Uint8Array()] = intelRoots
const pem = `-----BEGIN CERTIFICATE-----\n${root.toBase64()}\n-----END CERTIFICATE-----\n`

test('PEM certificates come out in the order of the text', () => {
  deepEqual(certificatesFromPem(`${pem}${pem}`), [root, root])
})

test('a trailing NUL, CRLF and blank lines are allowed', () => {
  equal(certificatesFromPem(`${pem.replaceAll('\n', '\r\n')}\r\n\r\n\0`).length, 1)
})

for (const [what, text] of [
  ['no text', ''],
  ['only white space', ' \n'],
  ['text before', `hello\n${pem}`],
  ['text between', `${pem}hello\n${pem}`],
  ['text after', `${pem}hello`],
  ['a NUL inside', `${pem}\0${pem}`],
  ['a vertical tab, one bit from a line feed, between', `${pem}\v${pem}`],
  ['another label', pem.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
  ['a block that does not end', pem.slice(0, -20)],
  ['bad base64', pem.replace('MII', 'M*I')],
  ['base64 without its padding', `${pem.slice(0, 60)}A${pem.slice(60)}`],
  ['nine certificates', pem.repeat(9)],
  ['too long a text', `${pem}${' '.repeat(65_536)}`],
] as const) {
  test(`PEM with ${what} is refused`, () => {
    throws(() => certificatesFromPem(text), { code: 'ERR_FORMAT_VALUE', field: /^chain/ })
  })
}
