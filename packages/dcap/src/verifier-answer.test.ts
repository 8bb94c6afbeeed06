import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { readOwnVectors } from '../../../tools/own-vectors.ts'
import { written } from '../testing/written.ts'
import {
  createVerifier,
  intelRoots,
  parseCollateral,
  type Verified,
  type VerifierOptions,
} from './index.ts'

/** Overwrites whatever can be overwritten in an answer; how many values that were. */
function spoil(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof Date) {
    value.setTime(Date.parse('2099-01-01T00:00:00Z'))
    return 1
  }
  if (value instanceof Uint8Array) {
    value.fill(0xee)
    return 1
  }
  let spoiled = 'better' in value ? spoil(value.better) : 0
  for (const [key, inner] of Object.entries(value)) {
    spoiled += spoil(inner)
    if (Reflect.set(value, key, 'spoiled')) spoiled++
  }
  if (Array.isArray(value) && !Object.isFrozen(value)) value.push('spoiled')
  return spoiled
}

const states: Readonly<Record<string, Partial<VerifierOptions>>> = {
  'with the collateral kept': { maxChains: 0, maxPlatforms: 0 },
  'with the chain kept': { maxPlatforms: 0 },
  'of a known platform': {},
}

for (const { name, quote, collateral, expect, at } of readOwnVectors()) {
  if ('error' in expect) continue
  for (const [state, kept] of Object.entries(states)) {
    test(`${name}, ${state}: what is done to an answer changes no later one`, () => {
      const verifier = createVerifier(parseCollateral(collateral), { roots: intelRoots, ...kept })
      const answer = (time: Date): Verified => verifier.verify(quote, { at: new Date(time) })
      // A time at which everything has ended, so that there are findings to spoil, too.
      for (const time of [at, new Date('2060-01-01T00:00:00Z')]) {
        const wanted = written(answer(time))
        const spoiled = spoil(answer(time))
        ok(spoiled > 80, `${spoiled} values`)
        deepEqual(written(answer(time)), wanted)
      }
    })
  }
}

test('what is done to the roots that this package exports changes no answer', () => {
  const [sample] = readOwnVectors()
  ok(sample)
  const verifier = createVerifier(parseCollateral(sample.collateral), { roots: intelRoots })
  const kept = intelRoots.map(root => root.slice())
  const wanted = written(verifier.verify(sample.quote, { at: sample.at }))
  try {
    for (const root of intelRoots) root.fill(0)
    deepEqual(written(verifier.verify(sample.quote, { at: sample.at })), wanted)
    const anew = createVerifier(parseCollateral(sample.collateral), { roots: kept })
    deepEqual(written(anew.verify(sample.quote, { at: sample.at })), wanted)
  } finally {
    for (const [index, root] of intelRoots.entries()) root.set(kept[index] ?? [])
  }
  equal(intelRoots.length, kept.length)
})
