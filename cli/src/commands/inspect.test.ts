import { deepEqual, equal, match } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { alcove, alcoveOf } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'

const quote = join(projectRoot, 'vectors/tdx-v4-trustee/quote.bin')
const collateral = join(projectRoot, 'vectors/tdx-v4-trustee/collateral.json')

test('a quote is printed field by field, and nothing is verified', async () => {
  const { code, stdout } = await alcove('inspect', quote)
  equal(code, 0)
  match(stdout, /^\S+: quote, \d+ bytes\n/m)
  match(stdout, /^Nothing here is verified: /m)
  match(stdout, /^ {4}MRTD +024a32b070383331/m)
  match(stdout, /bytes follow the quote/)
})

test('standard input is read where - stands, in any of the encodings', async () => {
  const bytes = await readFile(quote)
  for (const input of [bytes, Buffer.from(bytes.toHex()), Buffer.from(bytes.toBase64())]) {
    const { code, stdout } = await alcoveOf(input, 'inspect', '-', '--output', 'json')
    equal(code, 0)
    const { kind, fields, verified } = JSON.parse(stdout)
    deepEqual([kind, fields.header.tee, verified], ['quote', 'TDX', false])
  }
})

test('several files are told one after the other; one that cannot be read is told too, and exits 1', async () => {
  const both = await alcove('inspect', quote, collateral)
  equal(both.code, 0)
  match(both.stdout, /: quote, [\s\S]*: collateral, /)
  const withBad = await alcove('inspect', '/nowhere', collateral, '--output', 'json')
  equal(withBad.code, 1)
  const [bad, good] = JSON.parse(withBad.stdout)
  deepEqual([bad.file, bad.error.code], ['/nowhere', 'ERR_INPUT_ABSENT'])
  deepEqual([good.kind, good.fields.tcbInfo.fmspc], ['collateral', '00806f050000'])
  const asText = await alcove('inspect', '/nowhere', collateral)
  equal(asText.code, 1)
  match(asText.stderr, /^alcove: \/nowhere: no such file/)
  match(asText.stdout, /: collateral, /)
})

for (const [title, args, input, code, says] of [
  [
    'a quote cut short',
    ['-'],
    (await readFile(quote)).subarray(0, 700),
    1,
    /is it a quote, and whole/,
  ],
  ['what is none of the kinds', ['-'], 'hello', 1, /none of these: quote .*--as/],
  ['another kind than it is said to be', ['-', '--as', 'crl'], '{}', 1, /ERR_COLLATERAL_FORMAT/],
  ['nothing', ['-'], '', 1, /standard input: empty/],
  ['standard input twice', ['-', '-'], '', 2, /read once/],
  ['a kind that does not exist', ['-', '--as', 'file'], '', 2, /Allowed choices are quote, /],
] as const) {
  test(`${title} exits ${code} and says so in a line`, async () => {
    const finished = await alcoveOf(Buffer.from(input), 'inspect', ...args)
    equal(finished.code, code)
    match(finished.stderr, says)
    match(finished.stderr, /^alcove: [^\n]+\n$/)
    equal(finished.stdout, '')
  })
}
