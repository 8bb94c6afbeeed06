import { equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { bareWork } from './bare-work.ts'
import { readOwnEvidence } from './evidence.ts'
import { encodePeerCases } from './peers.ts'
import { splitSignedText } from './signed-text.ts'
import { stateNames } from './verify-states.ts'

const own = readOwnEvidence()

for (const evidence of own.filter(({ name }) => name.startsWith('sgx'))) {
  test(`bare work: every signature of ${evidence.name} holds in every state`, () => {
    const work = bareWork(evidence)
    for (const state of stateNames) ok(work[state](), state)
  })
}

test('bare work: one bit of the quote changed is noticed in every state', () => {
  const [evidence] = own
  ok(evidence)
  const quote = Uint8Array.from(evidence.quote)
  quote[120] = (quote[120] ?? 0) ^ 1
  const work = bareWork({ ...evidence, quote })
  for (const state of stateNames) equal(work[state](), false, state)
})

test('signed JSON is split into what is signed, byte for byte, and the signature', () => {
  const signature = 'ab'.repeat(64)
  const text = `{"tcbInfo":{"a": [1, {"signature":"x"}]},"signature":"${signature}"}\n`
  equal(splitSignedText(text).signed, '{"a": [1, {"signature":"x"}]}')
  equal(splitSignedText(text).signature, signature)
  throws(() => splitSignedText('{"tcbInfo":{}}'), TypeError)
})

test('the peers are given every part of the evidence, with the time in seconds', () => {
  const cases: unknown = JSON.parse(encodePeerCases(own))
  ok(Array.isArray(cases) && cases.length === own.length)
  const [first] = cases
  equal(first.at, Number(own[0]?.at) / 1000)
  equal(first.collateral.tcb_info_signature.length, 128)
})
