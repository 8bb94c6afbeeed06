import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { amount, group, list, type Row, row, table, word } from './row.ts'
import { rowsJson } from './row-json.ts'
import { rowLines } from './row-lines.ts'

const rows: readonly Row[] = [
  row('mrEnclave', 'MRENCLAVE', new Uint8Array(32).fill(0xab)),
  row('mrTd', 'MRTD', new Uint8Array(48).fill(1), 'what it was launched from'),
  row('zeros', 'zeros', new Uint8Array(64)),
  row('empty', 'empty', new Uint8Array()),
  row('absent', 'absent', undefined),
  row('flags', 'flags', word(5n, ['INIT', 'MODE64'])),
  row('misc', 'misc', word(0, [])),
  row('vendor', 'vendor', word(0x8086)),
  row('date', 'date', new Date('2025-07-04T10:28:44Z')),
  row('debug', 'debug', false),
  row('components', 'components', [4, 255]),
  amount('pages', 'pages', 1, 'pages of 4096 bytes'),
  group('inner', 'inner', [row('isvSvn', 'ISVSVN', 7)]),
  list('levels', 'levels', 'level', [[row('isvSvn', 'ISVSVN', 4)], [row('isvSvn', 'ISVSVN', 2)]]),
  table('revoked', 'revoked', [[row('serial', 'serial', 'ab'), row('date', 'date', 'today')]]),
  table('none', 'none of these', []),
]

test('rows for people: names in a column, hex in equal lines, zeros in words, at most 80 columns', () => {
  deepEqual(rowLines(rows, 2), [
    `  MRENCLAVE   ${'ab'.repeat(32)}`,
    `  MRTD        ${'01'.repeat(24)}`,
    `              ${'01'.repeat(24)}`,
    '              (what it was launched from)',
    '  zeros       64 bytes, all zero',
    '  empty       none',
    '  flags       0x5  INIT, MODE64',
    '  misc        0x0',
    '  vendor      0x8086',
    '  date        2025-07-04T10:28:44Z',
    '  debug       no',
    '  components  4 255',
    '  pages       1 page of 4096 bytes',
    '  inner',
    '    ISVSVN  7',
    '  level 1 of 2',
    '    ISVSVN  4',
    '  level 2 of 2',
    '    ISVSVN  2',
    '  revoked',
    '    serial  date',
    '    ab      today',
    '  none of these: none',
  ])
})

test('the same rows as data: every value whole, bits with their names', () => {
  deepEqual(JSON.parse(JSON.stringify(rowsJson(rows))), {
    mrEnclave: 'ab'.repeat(32),
    mrTd: '01'.repeat(48),
    zeros: '00'.repeat(64),
    empty: '',
    flags: { value: '0x5', names: ['INIT', 'MODE64'] },
    misc: { value: '0x0', names: [] },
    vendor: '0x8086',
    date: '2025-07-04T10:28:44.000Z',
    debug: false,
    components: [4, 255],
    pages: 1,
    inner: { isvSvn: 7 },
    levels: [{ isvSvn: 4 }, { isvSvn: 2 }],
    revoked: [{ serial: 'ab', date: 'today' }],
    none: [],
  })
})

test('hex of any length comes back from its lines', () => {
  for (let length = 0; length < 400; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => index + 1)
    const lines = rowLines([row('key', 'a name', bytes)], 8)
    const hex = lines.map(line => line.slice(8 + 'a name'.length + 2)).join('')
    equal(hex, length === 0 ? 'none' : bytes.toHex())
    equal(Math.max(...lines.map(line => line.length)) <= 80, true)
  }
})
