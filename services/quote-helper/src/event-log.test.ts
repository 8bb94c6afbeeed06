import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { jsonLog } from '@alcove/process'
import { aesmEventLog } from './event-log.ts'

test('ten thousand bad connections in three seconds are four lines, and none is forgotten', () => {
  const lines: string[] = []
  let time = 0
  const hear = aesmEventLog(
    jsonLog('quote-helper', { write: line => void lines.push(line) }),
    () => time,
  )
  for (let connection = 1; connection <= 10_000; connection++) {
    time = connection * 0.3
    hear({ kind: 'unanswered', connection, reason: 'malformed', detail: '' })
  }
  time = 5000
  hear({ kind: 'unanswered', connection: 10_001, reason: 'malformed', detail: '' })
  const told = lines.map((line): Record<string, unknown> => JSON.parse(line))
  equal(told.length, 4)
  equal(
    told.reduce((sum, { moreBefore }) => sum + 1 + Number(moreBefore ?? 0), 0),
    10_001,
  )
})

test('failures of different kinds do not hide each other, and answers are never left out', () => {
  const lines: string[] = []
  const hear = aesmEventLog(
    jsonLog('quote-helper', { write: line => void lines.push(line) }),
    () => 0,
  )
  hear({ kind: 'unanswered', connection: 1, reason: 'malformed', detail: '' })
  hear({ kind: 'unanswered', connection: 2, reason: 'too-long', detail: '' })
  hear({ kind: 'answered', connection: 3, operation: 'getQuoteEx', errorCode: 47 })
  for (let connection = 4; connection < 9; connection++) {
    hear({ kind: 'answered', connection, operation: 'getQuoteEx', errorCode: 0 })
  }
  deepEqual(
    lines.map(line => JSON.parse(line).event),
    ['unanswered', 'unanswered', ...Array<string>(6).fill('answered')],
  )
})
