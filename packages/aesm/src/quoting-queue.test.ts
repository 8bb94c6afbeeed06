import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { QuotingQueue } from './quoting-queue.ts'

const { signal } = new AbortController()

/** A piece of work that ends when it is told to. */
function piece(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const work = async (): Promise<string> => {
    log.push(name)
    await promise
    return name
  }
  return { work, end: resolve }
}

test('work is begun in the order it came, so many at once', async () => {
  const queue = new QuotingQueue(2, 10)
  const log: string[] = []
  const pieces = ['a', 'b', 'c', 'd'].map(name => piece(log, name))
  const results = pieces.map(({ work }) => queue.run(work, signal))
  await setImmediate()
  deepEqual(log, ['a', 'b'])
  pieces[1]?.end()
  equal(await results[1], 'b')
  await setImmediate()
  deepEqual(log, ['a', 'b', 'c'])
  for (const { end } of pieces) end()
  deepEqual(await Promise.all(results), ['a', 'b', 'c', 'd'])
})

test('work that hangs keeps its place after it was given up, and its waiters give theirs back', async () => {
  const queue = new QuotingQueue(1, 1)
  const log: string[] = []
  const [hanging, waiting, next] = ['hanging', 'waiting', 'next'].map(name => piece(log, name))
  if (!(hanging && waiting && next)) throw new TypeError()
  const stop = new AbortController()
  const given = Promise.allSettled([
    queue.run(hanging.work, stop.signal),
    queue.run(waiting.work, stop.signal),
  ])
  await rejects(queue.run(next.work, signal), { errorCode: 18 })
  stop.abort(new Error('too late'))
  deepEqual(
    (await given).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  const result = queue.run(next.work, signal)
  await setImmediate()
  deepEqual(log, ['hanging'])
  hanging.end()
  next.end()
  equal(await result, 'next')
  deepEqual(log, ['hanging', 'next'])
})

test('work that throws at once gives its place back', async () => {
  const queue = new QuotingQueue(1, 0)
  const failing = (): Promise<never> => {
    throw new Error('at once')
  }
  await rejects(queue.run(failing, signal), { message: 'at once' })
  equal(await queue.run(async () => 'then', signal), 'then')
})
