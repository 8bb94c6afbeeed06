import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from './machine.ts'
import { perPeer } from './peers.ts'
import { type MeasuredQuote, type MeasuredVerifiers, verifyReport } from './verify-report.ts'
import { perState } from './verify-states.ts'

const machine: Machine = {
  date: '2026-11-25T12:00:00Z',
  cpu: 'some CPU',
  cores: 2,
  memoryBytes: 2 ** 33,
  kernel: '6.18.0',
  node: 'v26.10.0',
  load: { before: 0, after: 0 },
}

const measured = (quote: Partial<MeasuredQuote>): MeasuredQuote => ({
  name: 'sgx-v3-tcb-info-v2',
  alcove: perState(() => [90_000, 80_000, 90_000]),
  bare: perState(() => [100_000, 80_000, 100_000]),
  peers: perPeer(() => [10_000, 20_000, 10_000]),
  notMeasured: [],
  ...quote,
})

const report = (quotes: readonly MeasuredQuote[], rest: Partial<MeasuredVerifiers> = {}) =>
  verifyReport(
    {
      quotes,
      memory: {
        growths: [
          {
            what: 'a kept chain with its platform',
            count: 1000,
            javaScriptBytes: 1e5,
            rssBytes: 1,
          },
        ],
      },
      absentPeers: new Map(),
      ...{ rounds: 9, batchMs: 150 },
      ...rest,
    },
    machine,
    true,
  ).text

test('the report is at most 80 columns wide, for six-digit rates too', () => {
  const text = report([measured({}), measured({}), measured({})])
  for (const line of text.split('\n')) ok(line.length <= 80, `${line.length}: ${line}`)
})

test('quotients are taken within each round, and their median is stated and judged', () => {
  // the medians of the rates, 90 and 100 thousand, would give the same share; the factor is 9, 4 and 9 in its rounds
  const text = report([measured({})])
  match(text, /nothing kept +90000 \(80000–90000\) +90% +9\.00 +9\.00\n/)
  equal(text.match(/^met /gm)?.length, 8)
  const slow = report([measured({ alcove: perState(() => [70_000, 79_000, 70_000]) })])
  match(slow, /^MISSED {2}nothing kept: ≥ 80 % of its bare work: 70\.0 %$/m)
})

test('what was not measured is a dash, meets no goal, and a peer that is absent is named', () => {
  const text = report(
    [
      measured({
        alcove: perState(state => (state === 'nothing kept' ? [1, 1, 1] : undefined)),
        peers: perPeer(() => undefined),
      }),
    ],
    { absentPeers: new Map([['dcap-qvl 0.7.1, Rust', 'cargo is not there']]), memory: undefined },
  )
  match(text, /^platform known +– +– +– +–$/m)
  match(text, /^MISSED {2}platform known: ≥ 8 × Rust from nothing: not measured$/m)
  match(text, /^dcap-qvl 0\.7\.1, Rust: not measured: cargo is not there$/m)
  match(text, /^memory: not measured/m)
  deepEqual(text.match(/^met /gm), null)
})
