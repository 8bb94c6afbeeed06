import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSignedObject } from './signed-json.ts'

const signature = 'ab'.repeat(64)
const parse = (text: string) => parseSignedObject(text, 'tcbInfo', reader => reader.skip())

test('the signed bytes are those of the object as it stands in the text', () => {
  const raw = '{ "a" : [1, {"b":"}\\"]"}],\n"é":"\\u00e9" }'
  const object = parse(` {"signature" : "${signature}", "tcbInfo":${raw} , "other": [{}] }\n`)
  deepEqual(object.signed, new TextEncoder().encode(raw))
  equal(object.signature.toHex(), signature)
})

test('whatever JSON is signed, its own text is what comes out', () => {
  fc.assert(
    fc.property(fc.json(), fc.json(), (raw, other) => {
      const object = parse(`{"x":${other},"tcbInfo":${raw},"signature":"${signature}"}`)
      equal(new TextDecoder().decode(object.signed), raw)
    }),
  )
})

for (const [what, text, code, field] of [
  ['no text', '', 'ERR_COLLATERAL_VALUE', 'tcbInfo'],
  ['no object', '[]', 'ERR_COLLATERAL_VALUE', 'tcbInfo'],
  ['an empty object', '{}', 'ERR_COLLATERAL_FORMAT', 'tcbInfo'],
  ['no signature', '{"tcbInfo":{}}', 'ERR_COLLATERAL_FORMAT', 'tcbInfo.signature'],
  ['no such member', `{"signature":"${signature}"}`, 'ERR_COLLATERAL_FORMAT', 'tcbInfo'],
  [
    'a short signature',
    '{"tcbInfo":{},"signature":"ab"}',
    'ERR_COLLATERAL_VALUE',
    'tcbInfo.signature',
  ],
  [
    'a member that occurs twice',
    `{"tcbInfo":{},"tcbInfo":{},"signature":"${signature}"}`,
    'ERR_COLLATERAL_FORMAT',
    'tcbInfo',
  ],
  [
    'a member that occurs twice, once escaped',
    `{"tcbInfo":{},"tcb\\u0049nfo":{},"signature":"${signature}"}`,
    'ERR_COLLATERAL_FORMAT',
    'tcbInfo',
  ],
  [
    'text after the object',
    `{"tcbInfo":{},"signature":"${signature}"} {}`,
    'ERR_COLLATERAL_FORMAT',
    'tcbInfo',
  ],
  [
    'an object that does not end',
    `{"tcbInfo":{},"signature":"${signature}"`,
    'ERR_COLLATERAL_FORMAT',
    'tcbInfo',
  ],
  [
    'brackets that do not match',
    `{"tcbInfo":{]},"signature":"${signature}"}`,
    'ERR_COLLATERAL_FORMAT',
    'tcbInfo',
  ],
  ['too much text', ' '.repeat(600_000), 'ERR_COLLATERAL_TOO_LARGE', 'tcbInfo'],
] as const) {
  test(`signed JSON with ${what} is refused`, () => throws(() => parse(text), { code, field }))
}

test('long, deep and hostile text overflows no stack', () => {
  for (const text of ['{'.repeat(500_000), `{"${'\\"'.repeat(240_000)}`]) {
    throws(() => parse(text), { code: 'ERR_COLLATERAL_FORMAT' })
  }
  throws(() => parse('"'.repeat(500_000)), { code: 'ERR_COLLATERAL_VALUE' })
  const long = `{"tcbInfo":"${'a\\n'.repeat(150_000)}","signature":"${signature}"}`
  equal(parse(long).signed.byteLength, 450_002)
  const deep = `{"tcbInfo":${'['.repeat(200_000)}${']'.repeat(200_000)},"signature":"${signature}"}`
  throws(() => parse(deep), { code: 'ERR_COLLATERAL_FORMAT', message: /nested more than 64 deep/ })
  const membersOf = (count: number) => {
    const keys = Array.from({ length: count }, (_, index) => `"${index}":0`).join()
    return parse(`{"tcbInfo":{${keys}},"signature":"${signature}"}`)
  }
  equal(membersOf(256).signed.byteLength, 1 + 256 * 4 + 256 * 2 + 90 + 156 * 2)
  throws(() => membersOf(40_000), {
    code: 'ERR_COLLATERAL_FORMAT',
    message: /more than 256 members/,
  })
})
