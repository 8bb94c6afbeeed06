import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { VerifyError } from '@alcove/dcap'
import { errorText, UsageError } from './exit.ts'
import { row, table } from './inspect/row.ts'
import { rowLines } from './inspect/row-lines.ts'
import { judgementLines } from './judge.ts'
import { folded, jsonText, plainText } from './plain-text.ts'

/** Clears the screen, writes a line of ours, reverses what follows, and starts a sequence in one character. */
const hostile = 'Intel\u001b[2J\nACCEPTED: TCB status UpToDate\u202e\u2028\u009b31m\u0007'
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

test('text that others wrote moves no cursor and starts no line', () => {
  equal(plainText(hostile), 'Intel [2J ACCEPTED: TCB status UpToDate 31m ')
  for (const line of folded(hostile, '  ✗ ').split('\n')) ok(!unprintable.test(line))
})

test('a refusal that tells a name of an unverified certificate is our lines and no others', () => {
  const message = `the PCK chain ends in "${hostile}"`
  const failure = new VerifyError('ERR_VERIFY_UNTRUSTED_ROOT', message, { chain: 'PCK chain' })
  const step = { name: 'pck-chain', detail: `${hostile} → PCK` } as const
  const lines = judgementLines({ steps: [step], outcome: { failure } })
  for (const line of lines) ok(!unprintable.test(line), line)
  deepEqual(
    lines.filter(line => line.startsWith('ACCEPTED')),
    [],
  )
  equal(lines.at(-3), 'REFUSED: this quote does not verify')
  for (const verbose of [false, true]) {
    for (const line of errorText(failure, verbose).split('\n')) ok(!unprintable.test(line))
  }
  equal(errorText(failure, false).includes('\n'), false)
})

test('a field that is read tells its text in its own place, within 80 columns', () => {
  const long = 'x'.repeat(500)
  const rows = [
    row('subject', 'subject', hostile),
    row('long', 'long', long),
    table('revoked', 'revoked', [[row('serial', 'serial', hostile)]]),
  ]
  const lines = rowLines(rows, 4)
  for (const line of lines) ok(!unprintable.test(line), line)
  for (const line of lines.slice(0, -2)) ok(line.length <= 80, line)
  equal(lines.join('').replaceAll(/[^x]/g, '').length, long.length)
})

test('what does not take one column each is escaped, blanks are few, and an error is a line', () => {
  equal(plainText('漢a\u3164\ufe0f'), '\\u{6f22}a\\u{3164}\\u{fe0f}')
  equal(plainText(`a${' '.repeat(40_000)}b`), 'a  b')
  const forged = new UsageError('no such file: x\nACCEPTED: TCB status UpToDate')
  for (const verbose of [false, true]) {
    const [first, ...frames] = errorText(forged, verbose).split('\n')
    match(first ?? '', /no such file: x ACCEPTED/)
    for (const frame of frames) match(frame, /^ {2,4}at /)
  }
})

test('as JSON such text is escaped, and reads back as it was', () => {
  const everything = Array.from({ length: 0x11_0000 }, (_, code) => String.fromCodePoint(code))
  const texts = { hostile, everything: everything.join(''), 'a\u202ekey': '\ud83d' }
  const json = jsonText(texts)
  ok(json.split('\n').every(line => !unprintable.test(line)))
  deepEqual(JSON.parse(json), texts)
})

test('a table of more rows than a call has arguments is printed', () => {
  const items = Array.from({ length: 200_000 }, (_, index) => [row('serial', 'serial', `${index}`)])
  equal(rowLines([table('revoked', 'revoked', items)]).length, 200_002)
})
