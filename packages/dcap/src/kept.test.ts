import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Kept } from './kept.ts'

const any = () => true
const bytes = (key: number) => Uint8Array.of(key)

test('so many are kept as are allowed, and the one that was used longest ago is dropped for another', () => {
  const kept = new Kept<string>(2)
  kept.set(bytes(1), () => 'one')
  kept.set(bytes(2), () => 'two')
  equal(kept.get(bytes(1), any), 'one')
  kept.set(bytes(3), () => 'three')
  deepEqual(
    [kept.get(bytes(1), any), kept.get(bytes(2), any), kept.get(bytes(3), any)],
    ['one', undefined, 'three'],
  )
})

test('with room for none nothing is kept', () => {
  const kept = new Kept<string>(0)
  kept.set(bytes(1), () => 'one')
  equal(kept.get(bytes(1), any), undefined)
})

test('a value of the same number that is not meant is not given out, and another takes its place', () => {
  const kept = new Kept<string>(2)
  kept.set(bytes(1), () => 'one')
  equal(
    kept.get(bytes(1), value => value === 'other'),
    undefined,
  )
  kept.set(bytes(1), () => 'other')
  equal(
    kept.get(bytes(1), value => value === 'one'),
    undefined,
  )
})

test('whatever is set and got, what is kept are the last ones that were used', () => {
  const uses = fc.array(fc.record({ key: fc.nat(6), isSet: fc.boolean() }), { maxLength: 60 })
  fc.assert(
    fc.property(uses, fc.integer({ min: 1, max: 4 }), (list, limit) => {
      const kept = new Kept<number>(limit)
      let used: number[] = []
      for (const { key, isSet } of list) {
        if (isSet) kept.set(bytes(key), () => key)
        else equal(kept.get(bytes(key), any) === key, used.slice(-limit).includes(key))
        if (isSet || used.slice(-limit).includes(key)) {
          used = [...used.filter(other => other !== key), key].slice(-limit)
        }
      }
    }),
  )
})
