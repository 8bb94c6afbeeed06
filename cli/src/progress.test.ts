import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { progressOn } from './progress.ts'

function told(isTTY: boolean, times: readonly number[]): string[] {
  const said: string[] = []
  const clock = [0, ...times].values()
  const terminal = { isTTY, write: (text: string) => said.push(text) }
  const progress = progressOn(terminal, 'quotes', () => clock.next().value ?? 0)
  for (const [index] of times.entries()) progress(index + 1, times.length)
  return said
}

test('progress is told after a second, at most ten times a second, and taken away at the end', () => {
  deepEqual(told(true, [500, 1000, 1050, 1100, 1110]), [
    '\r2 of 5 quotes\x1b[K',
    '\r4 of 5 quotes\x1b[K',
    '\r\x1b[K',
  ])
})

test('what is done within a second, or where there is no terminal, is not told', () => {
  deepEqual(told(true, [100, 200, 999]), [])
  deepEqual(told(false, [500, 1500, 2500]), [])
})
