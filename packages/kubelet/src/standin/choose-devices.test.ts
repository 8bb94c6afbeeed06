import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseDevices } from './choose-devices.ts'

const ids = fc.uniqueArray(fc.string(), { maxLength: 20 })
const chance = fc.infiniteStream(fc.nat())

test('whatever chance says, the chosen devices are as many as asked for, free, and each there once', () => {
  fc.assert(
    fc.property(ids, fc.nat(20), ids, chance, (free, wanted, preferred, numbers) => {
      const count = Math.min(wanted, free.length)
      const pick = (below: number): number => numbers.next().value % below
      const chosen = chooseDevices(free, count, [...preferred, ...free.slice(0, 3)], pick)
      equal(chosen.length, count)
      equal(new Set(chosen).size, count)
      ok(chosen.every(id => free.includes(id)))
    }),
  )
})

test('what the plugin prefers comes first, and only what is free of it counts', () => {
  const free = ['a', 'b', 'c', 'd']
  deepEqual(chooseDevices(free, 3, ['d', 'x', 'b'], () => 0).toSorted(), ['a', 'b', 'd'])
  deepEqual(
    chooseDevices(free, 1, ['c'], below => below - 1),
    ['c'],
  )
})

test('every free device can be the one that is given', () => {
  const free = ['a', 'b', 'c']
  deepEqual(
    free.map((_, at) => chooseDevices(free, 1, [], () => at)[0]),
    free,
  )
})
