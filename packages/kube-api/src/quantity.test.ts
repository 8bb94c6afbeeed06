import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseQuantity } from './quantity.ts'

const MOST = 2n ** 63n - 1n

for (const [text, value] of [
  ['0', 0n],
  ['10Mi', 10_485_760n],
  ['98566144', 98_566_144n],
  ['1e3', 1_000n],
  ['1E3', 1_000n],
  ['1e+3', 1_000n],
  ['1500e-3', 2n],
  ['100M', 100_000_000n],
  ['512Gi', 549_755_813_888n],
  ['1Ki', 1_024n],
  ['4k', 4_000n],
  ['1E', 10n ** 18n],
  ['1Ei', 2n ** 60n],
  ['.5Mi', 524_288n],
  ['1.Mi', 1_048_576n],
  ['+1', 1n],
  ['-1', -1n],
  ['1.5', 2n],
  ['-1.5', -2n],
  ['1500m', 2n],
  ['1n', 1n],
  ['0.1u', 1n],
  ['0.0m', 0n],
  ['0.1Ki', 103n],
  ['16Ei', MOST],
  ['-16Ei', -MOST],
  ['1e99999', MOST],
  ['1e-99999', 1n],
  ['0e99999', 0n],
] as const) {
  test(`the quantity ${text} counts as ${value}`, () => equal(parseQuantity(text), value))
}

for (const text of [
  '',
  ' ',
  '.',
  '-',
  'Mi',
  '10 Mi',
  '10mi',
  '10K',
  '10KiB',
  '10MB',
  '1e',
  '1e3Mi',
  '1e1.5',
  '0x10',
  '1.2.3',
  '--1',
  '٣',
  '10Mi\n',
  '\u001b[31m1',
  'toString',
  '1toString',
  '1'.repeat(65),
]) {
  test(`${JSON.stringify(text)} is no quantity`, () => {
    throws(() => parseQuantity(text), { code: 'ERR_KUBE_QUANTITY' })
  })
}

test('an integer is itself, and a suffix multiplies it', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 40n), 2n ** 40n), number => {
      equal(parseQuantity(`${number}`), number)
      equal(parseQuantity(`${number}k`), number * 1000n)
      equal(parseQuantity(`${number}Mi`), number * 2n ** 20n)
      equal(parseQuantity(`${number}e2`), number * 100n)
    }),
  )
})

test('a fraction is never rounded down', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 999_999 }), (whole, millionths) => {
      const text = `${whole}.${String(millionths).padStart(6, '0')}`
      equal(parseQuantity(text), BigInt(whole) + 1n)
      equal(parseQuantity(`-${text}`), -BigInt(whole) - 1n)
    }),
  )
})
