import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { instanceOf, namesOfFamily, namesOfStem, socketName } from './socket-name.ts'

const now = Date.UTC(2026, 10, 24)

test('a socket’s name has the stem, the instance and the life', () => {
  match(socketName(instanceOf('alcove-epc', now, 0), 40), /^alcove-epc-[0-9a-z]{8}00-14\.sock$/)
})

test('of two instances the one that started later has the later tag', () => {
  const time = fc.integer({ min: 0, max: 36 ** 8 - 1 })
  const chance = fc.integer({ min: 0, max: 36 ** 2 - 1 })
  fc.assert(
    fc.property(time, chance, time, chance, (a, c, b, d) => {
      const [one, other] = [instanceOf('epc', a, c).tag, instanceOf('epc', b, d).tag]
      equal(one < other, a < b || (a === b && c < d))
    }),
  )
})

test('a stem’s names are its own only, a family’s those of every stem with the same first word', () => {
  const of = (stem: string): string => socketName(instanceOf(stem, now, 7), 3)
  const names = [
    ...['alcove-epc', 'alcove', 'alcove-epc-2', 'alcove-provision'].map(of),
    'alcove-epc.sock',
    'sgx.sock',
    of('alcovex'),
  ]
  deepEqual(
    names.filter(name => namesOfStem('alcove-epc').test(name)),
    [of('alcove-epc')],
  )
  deepEqual(
    names.filter(name => namesOfFamily('alcove-epc').test(name)),
    names.slice(0, 4),
  )
  ok(!namesOfStem('alcove').test(of('alcove-epc')))
})
