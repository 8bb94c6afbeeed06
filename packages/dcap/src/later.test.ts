import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { atOnce, inTwoPasses, type Later } from './later.ts'

interface Check {
  readonly isDear: boolean
  readonly holds: boolean
}

/** Makes checks in their order; what comes of it, and which dear ones held. */
function outcome(checks: readonly Check[], run: (made: (later: Later) => string) => string) {
  const held: number[] = []
  const make = (number: number) => {
    if (!checks[number]?.holds) throw new Error(`${number}`)
  }
  try {
    const answer = run(later => {
      for (const [number, { isDear }] of checks.entries()) {
        if (!isDear) make(number)
        else {
          later(() => {
            make(number)
            held.push(number)
          })
        }
      }
      return 'answer'
    })
    return { answer, held }
  } catch (error) {
    return { failed: String(error), held }
  }
}

test('in two passes the same comes of any checks as in one, and the same dear ones have held before', () => {
  const check = fc.record({
    isDear: fc.boolean(),
    holds: fc.integer({ min: 0, max: 9 }).map(Boolean),
  })
  fc.assert(
    fc.property(fc.array(check, { maxLength: 20 }), checks => {
      deepEqual(
        outcome(checks, run => inTwoPasses(run)),
        outcome(checks, run => run(atOnce)),
      )
    }),
  )
})

test('nothing is answered before the checks that were left have been made', () => {
  throws(() =>
    inTwoPasses(later => {
      later(() => {
        throw new Error('the signature does not hold')
      })
      return 'accepted'
    }),
  )
})
