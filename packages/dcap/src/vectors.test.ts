import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as z from 'zod'
import { type SharedVectors, withSharedVectors } from '../../../tools/vectors.ts'
import { certificatesFromPem, intelRoots, parseCollateral, type Verified, verify } from './index.ts'

const cases = z.array(
  z.object({
    id: z.string(),
    kind: z.enum(['real', 'synthetic']),
    quote: z.string(),
    collateral: z.string(),
    trust: z.string(),
    at: z.number(),
    valid_from: z.string().nullish(),
    expect: z.object({
      error: z.string().optional(),
      status: z.string().optional(),
      platform: z.looseObject({ platform: z.string(), qe: z.string() }).optional(),
      advisories: z.array(z.string()).optional(),
      tcb_date: z.string().optional(),
      expired: z.array(z.string()).optional(),
    }),
  }),
)
type Case = z.infer<typeof cases>[number]

/** A quote that this version cannot read: refused by its parser, whatever the case expects of a verifier that can. */
function outOfScope(quote: Uint8Array): string | undefined {
  return quote[0] === 3 ? undefined : `quote version ${quote[0]}`
}

/** Intel's names for what @alcove/sgx's parser refuses. */
const refusedByParser = new Set(['UNSUPPORTED_QUOTE_FORMAT'])

await withSharedVectors('verdicts over real and synthetic quotes', 170, async vectors => {
  const all = cases.parse(await vectors.json('cases.json'))
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  const syntheticRoot = certificatesFromPem(text(await vectors.bytes('synthetic/root.pem')))

  for (const one of all) {
    const { quote, collateralText } = await load(vectors, one)
    const collateral = parseCollateral(collateralText)
    const roots = one.trust === 'intel-root-pubkey' ? intelRoots : syntheticRoot
    const run = () => verify(quote, collateral, { at: new Date(one.at * 1000), roots })
    const scope = outOfScope(quote)
    if (scope !== undefined) {
      count(`not in scope, refused: ${scope}`)
      test(`${one.id}: ${scope} is refused as not supported`, () => {
        throws(run, { field: /^quote\.(header\.version|bodyType)$/ })
      })
      continue
    }
    count('run')
    test(`${one.id}: ${one.expect.status ?? one.expect.error}`, () => expectOutcome(one, run))
  }
  test('every case is either run or refused by name', context => {
    for (const [what, number] of counts) context.diagnostic(`${number} cases ${what}`)
    equal(
      [...counts.values()].reduce((a, b) => a + b, 0),
      all.length,
    )
  })
})

function expectOutcome(one: Case, run: () => Verified): void {
  const { expect } = one
  if (expect.error !== undefined) {
    const code = refusedByParser.has(expect.error)
      ? 'ERR_FORMAT_VALUE'
      : `ERR_VERIFY_${expect.error}`
    throws(run, { code })
    return
  }
  const verified = run()
  equal(verified.status, expect.status)
  equal(verified.platformStatus, expect.platform?.platform)
  equal(verified.qeStatus, expect.platform?.qe)
  deepEqual(verified.advisories.toSorted(), expect.advisories?.toSorted())
  if (expect.tcb_date !== undefined) {
    equal(verified.tcbDate.toISOString(), expect.tcb_date.replace('Z', '.000Z'))
  }
  const expired = verified.expired.map(({ item }) => item.replaceAll('-', '_').replace(': ', ':'))
  // A real case is judged inside the time in which all of its parts are valid, where there is one.
  const wanted = expect.expired ?? (one.valid_from ? [] : undefined)
  if (wanted !== undefined) {
    deepEqual(expired, wanted)
    deepEqual(verified.notYetValid, [])
    equal(verified.earliestExpiry < verified.at, wanted.length > 0)
  }
}

async function load(vectors: SharedVectors, { quote, collateral }: Case) {
  return {
    quote: await vectors.bytes(quote),
    collateralText: text(await vectors.bytes(collateral)),
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

const own = join(import.meta.dirname, '../../../vectors')
const ownIndex = z.array(
  z.object({
    name: z.string(),
    quote: z.object({ file: z.string(), licence: z.string() }),
    collateral: z.object({ file: z.string() }),
    at: z.string(),
    expect: z.object({ status: z.string().optional(), advisories: z.array(z.string()).optional() }),
  }),
)

test("the project's own Intel-signed quotes come out as their index says", () => {
  ok(existsSync(join(own, 'index.json')))
  const index = ownIndex.parse(JSON.parse(readFileSync(join(own, 'index.json'), 'utf8')))
  ok(index.length > 0 && index.length <= 12)
  for (const { quote, collateral, at, expect } of index) {
    const bytes = readFileSync(join(own, quote.file))
    const parts = parseCollateral(readFileSync(join(own, collateral.file), 'utf8'))
    const run = () => verify(bytes, parts, { at: new Date(at), roots: intelRoots })
    if (outOfScope(bytes) !== undefined) {
      throws(run, { field: 'quote.header.version' })
      continue
    }
    const verified = run()
    equal(verified.status, expect.status)
    deepEqual(verified.advisories.toSorted(), expect.advisories)
    deepEqual([verified.expired, verified.notYetValid], [[], []])
  }
})
