import { deepEqual, equal, match, notDeepEqual, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { DerReader } from '../packages/dcap/src/index.ts'
import { kinds } from './fuzzer.ts'
import { growBytes, growDer } from './grow.ts'
import { mutate } from './mutate.ts'
import { Random } from './random.ts'
import { readSamples } from './samples.ts'
import { SignedParts } from './signed-parts.ts'
import { add, count, emptyTally, tallyLines } from './tally.ts'

const main = join(import.meta.dirname, 'main.ts')
const samples = readSamples()
const [first] = samples
if (first === undefined) throw new Error('no samples')

test('the same seed gives the same mutations, another seed others', () => {
  const bytes = first.quote
  const some = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 50 }, () => mutate(bytes, random, [bytes]))
  }
  deepEqual(some(1), some(1))
  notDeepEqual(some(1), some(2))
  deepEqual(bytes, first.quote)
})

test('what is grown is as large as is asked for, DER with every length right and no two elements alike', () => {
  const { rootCaCrl } = first.collateral
  const most = 100_000
  for (let seed = 0; seed < 50; seed++) {
    const bytes = growBytes(rootCaCrl, new Random(seed), most)
    ok(bytes.byteLength <= most && bytes.byteLength > most - 1024, `${bytes.byteLength}`)
    const der = growDer(rootCaCrl, new Random(seed), most)
    ok(der.byteLength <= most && der.byteLength > 0.9 * most, `${seed}: ${der.byteLength}`)
    const reader = new DerReader(der, 'crl')
    reader.sequence('list')
    equal(reader.done, true)
  }
})

test('a signed part that is not as it was is found, in a quote, a list, an object and a chain', () => {
  const signed = new SignedParts(samples)
  const { quote, collateral } = first
  const foreign = (changed: Partial<typeof first>) => {
    const { quote: bytes, collateral: parts } = { ...first, ...changed }
    return signed.foreign(bytes, parts)?.split(' ')[0]
  }
  equal(foreign({}), undefined)
  equal(foreign({ quote: quote.with(112, (quote[112] ?? 0) ^ 1) }), 'quote')
  const pckCrl = collateral.pckCrl.with(-1, (collateral.pckCrl.at(-1) ?? 0) ^ 1)
  equal(foreign({ collateral: { ...collateral, pckCrl } }), 'crl')
  const tcbInfo = collateral.tcbInfo.replace('OutOfDate', 'UpToDate')
  equal(foreign({ collateral: { ...collateral, tcbInfo } }), 'object')
  const tcbInfoIssuerChain = collateral.tcbInfoIssuerChain.replace('MII', 'MIJ')
  equal(foreign({ collateral: { ...collateral, tcbInfoIssuerChain } }), 'certificate')
  // What no signature is over: bytes after the quote.
  equal(foreign({ quote: Uint8Array.of(...quote, 1) }), undefined)
})

test('every kind is run, everything is refused with a code, and one run can be had again', async () => {
  const options = ['--runs', '400', '--seed', '7', '--jobs', '1', '--output', 'json']
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...options])
  const { tally, problems } = JSON.parse(stdout)
  deepEqual(problems, [])
  for (const kind of kinds) ok(tally[kind].runs > 20)
  const one = ['--seed', '7', '--only', '11', '--output', 'json']
  const again = JSON.parse((await promisify(execFile)(process.execPath, [main, ...one])).stdout)
  equal(
    kinds.reduce((sum, kind) => sum + again.tally[kind].runs, 0),
    1,
  )
})

test('options that are not understood are answered with the usage', async () => {
  for (const options of [
    ['--runs', 'many'],
    ['--jobs', '0'],
    ['--output', 'xml'],
  ]) {
    const run = promisify(execFile)(process.execPath, [main, ...options])
    const { code, stderr } = await run.then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    )
    equal(code, 2)
    match(stderr, /npm run fuzz -- /)
  }
})

test('tallies are added, and printed within 80 columns', () => {
  const tally = emptyTally()
  const outcome = {
    kind: 'crl',
    sample: 'x',
    result: 'ERR_FORMAT_VALUE',
    problem: undefined,
  } as const
  count(tally, outcome, 3)
  count(tally, { ...outcome, result: 'accepted' }, 1)
  add(tally, structuredClone(tally))
  deepEqual(tally.crl, { runs: 4, accepted: 2, refused: { ERR_FORMAT_VALUE: 2 }, mostCpuMs: 3 })
  for (const line of tallyLines(tally)) ok(line.length <= 80, line)
})
