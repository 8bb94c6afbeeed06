import { ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { parseQuote } from '@alcove/sgx'
import { readOwnVectors } from '../../../tools/own-vectors.ts'
import { keptNumber } from './kept-number.ts'

test('chains of different platforms have different numbers, nearly all', () => {
  const [sample] = readOwnVectors()
  ok(sample)
  const chain = new TextDecoder('latin1').decode(parseQuote(sample.quote).certification.data)
  // Chains of one CA are the same but for the leaf's key, extension and signature: here for its signature alone.
  const end = chain.indexOf('-----END')
  const numbers = Array.from({ length: 1024 }, () => {
    const signature = randomBytes(63).toString('base64')
    const other = `${chain.slice(0, end - signature.length)}${signature}${chain.slice(end)}`
    return keptNumber(new TextEncoder().encode(other))
  })
  // Of 1024 numbers of 30 bits or more, two are the same once in 2000 such tests; of ones that see two places, hundreds are.
  ok(new Set(numbers).size > 1000, `${new Set(numbers).size} of 1024`)
})
