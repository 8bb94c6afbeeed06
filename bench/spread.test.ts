import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { readCpuMs, readMemory } from './process-figures.ts'
import { spreadOf } from './spread.ts'

test('a median is the middle one, or the mean of the two in the middle', () => {
  deepEqual(spreadOf([3, 1, 2]), { min: 1, median: 2, max: 3, runs: 3 })
  equal(spreadOf([4, 1, 2, 10]).median, 3)
  throws(() => spreadOf([]), RangeError)
})

test('anonymous and file-backed memory make up what is resident, and running takes time', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async () => {
  const { rss, anonymous, fileBacked, proportional } = await readMemory(process.pid)
  equal(anonymous + fileBacked, rss)
  equal(proportional > 0 && proportional <= rss * 1.1, true)
  const before = await readCpuMs(process.pid)
  const end = performance.now() + 30
  while (performance.now() < end);
  const ran = (await readCpuMs(process.pid)) - before
  equal(ran > 0 && ran < 1000, true, `${ran} ms`)
})
