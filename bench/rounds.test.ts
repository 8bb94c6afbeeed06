import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { measureRounds, timed } from './rounds.ts'

test('subjects are measured in turn, once in each round, in batches as long as was planned', async () => {
  const plan = { rounds: 3, batchMs: 8, warmUpMs: 1 }
  const order: string[] = []
  const subject = (name: string, nsEach: number) => ({
    name,
    run: (times: number) => {
      order.push(`${name}${times * nsEach >= 8e6 ? '' : '?'}`)
      return times * nsEach
    },
  })
  const slow = subject('slow', 4e6)
  const fast = subject('fast', 1e3)
  const rates = await measureRounds([slow, fast], plan, () => undefined)
  deepEqual(order.slice(-6), ['slow', 'fast', 'slow', 'fast', 'slow', 'fast'])
  deepEqual(rates.get(slow), [250, 250, 250])
  equal(rates.get(fast)?.length, 3)
})

test('a timed function is called as often as was asked', async () => {
  let calls = 0
  const took = await timed(() => calls++)(1000)
  equal(calls, 1000)
  ok(took > 0)
})
