import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { type BuildProgress, progressReporter } from './build-progress.ts'

const building = (elapsedMs: number, packages: number): BuildProgress => ({
  part: 'kubernetes 1.37.2',
  elapsedMs,
  step: 'building',
  modules: 0,
  packages,
  latest: 'k8s.io/api/core/v1',
  linked: 1,
  programs: 6,
})

function reported(progress: readonly BuildProgress[], isTTY: boolean, columns = 80): string[] {
  const written: string[] = []
  const report = progressReporter({ write: text => written.push(text), isTTY, columns })
  for (const one of progress) report(one)
  return written
}

test('a pipe gets the first line at once, then one every 15 seconds', () => {
  const everySecond = Array.from({ length: 31 }, (_, second) => building(second * 1000, second))
  deepEqual(reported(everySecond, false), [
    'kubernetes 1.37.2 · 0 s · 1 of 6 programs · k8s.io/api/core/v1\n',
    'kubernetes 1.37.2 · 15 s · 15 packages compiled · 1 of 6 programs · k8s.io/api/core/v1\n',
    'kubernetes 1.37.2 · 30 s · 30 packages compiled · 1 of 6 programs · k8s.io/api/core/v1\n',
  ])
})

test('a terminal gets one line that is rewritten, and no longer than it is wide', () => {
  const [first, ...rest] = reported([building(0, 0), building(50, 1), building(1000, 2)], true, 30)
  equal(first, '\r\u001b[Kkubernetes 1.37.2 · 0 s · 1 o')
  equal(rest.length, 1)
})

test('what was built is said; what was in the cache is not', () => {
  const end = { part: 'helm 4.3.1', elapsedMs: 61_000, step: 'ready' } as const
  deepEqual(reported([{ ...end, cached: false }], false), ['helm 4.3.1 · 61 s · built\n'])
  deepEqual(reported([{ ...end, cached: true }], false), [])
})

test('waiting for another run is said once in 15 seconds', () => {
  const waiting = (elapsedMs: number): BuildProgress => ({
    part: 'helm 4.3.1',
    elapsedMs,
    step: 'waiting',
  })
  equal(reported([waiting(0), waiting(1000), waiting(16_000)], false).length, 2)
})
