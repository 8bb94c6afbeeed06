import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { readOwnVectors } from '../../../tools/own-vectors.ts'
import { type SharedVectors, withSharedVectors } from '../../../tools/vectors.ts'
import { certificatesFromPem, intelRoots, parseCollateral, type Verified, verify } from './index.ts'

/** Statuses. */
const parts = z.strictObject({
  platform: z.string(),
  qe: z.string(),
  tdxmodule: z.string().optional(),
})

const cases = z.array(
  z.object({
    id: z.string(),
    kind: z.enum(['real', 'synthetic']),
    quote: z.string(),
    collateral: z.string(),
    trust: z.string(),
    at: z.number(),
    valid_from: z.string().nullish(),
    time_issue: z
      .object({ expired: z.array(z.string()), not_yet_valid: z.array(z.string()) })
      .nullish(),
    expect: z.object({
      error: z.string().optional(),
      status: z.string().optional(),
      platform: parts.optional(),
      relaunch_current: z.tuple([z.string(), parts]).nullish(),
      advisories: z.array(z.string()).optional(),
      tcb_date: z.string().optional(),
      expired: z.array(z.string()).optional(),
    }),
  }),
)
type Case = z.infer<typeof cases>[number]

/** Intel's names for what @alcove/sgx's parser refuses. */
const refusedByParser = new Set(['UNSUPPORTED_QUOTE_FORMAT'])

await withSharedVectors('verdicts over real and synthetic quotes', 170, async vectors => {
  const all = cases.parse(await vectors.json('cases.json'))
  const syntheticRoot = certificatesFromPem(text(await vectors.bytes('synthetic/root.pem')))

  for (const one of all) {
    const { quote, collateralText } = await load(vectors, one)
    const collateral = parseCollateral(collateralText)
    const roots = one.trust === 'intel-root-pubkey' ? intelRoots : syntheticRoot
    const run = () => verify(quote, collateral, { at: new Date(one.at * 1000), roots })
    test(`${one.id}: ${one.expect.status ?? one.expect.error}`, () => expectOutcome(one, run))
  }
  test('every case is run', context => {
    context.diagnostic(`${all.length} cases run`)
    equal(all.length, 170)
  })
})

function expectOutcome(one: Case, run: () => Verified): void {
  const { expect } = one
  if (expect.error !== undefined) {
    const code = refusedByParser.has(expect.error)
      ? 'ERR_FORMAT_VALUE'
      : `ERR_VERIFY_${expect.error.split(' ')[0]}`
    throws(run, { code })
    return
  }
  const verified = run()
  equal(verified.status, expect.status)
  deepEqual(statuses(verified), expect.platform)
  // The cases say of TDs with a body of version 1.5 what they run on now, and `null` of all others.
  const { current } = verified
  if (expect.relaunch_current !== undefined) {
    const { qe } = verified
    const ours = current && [current.status, statuses({ ...current, qe })]
    deepEqual(ours ?? null, expect.relaunch_current)
  }
  deepEqual(verified.advisories.toSorted(), expect.advisories?.toSorted())
  if (expect.tcb_date !== undefined) {
    equal(verified.tcbDate.toISOString(), expect.tcb_date.replace('Z', '.000Z'))
  }
  const named = (items: Verified['expired']) =>
    items.map(({ item }) => item.replaceAll('-', '_').replace(': ', ':')).toSorted()
  // A real case is judged inside the time in which all of its parts are valid, where there is one.
  const wanted = expect.expired ?? one.time_issue?.expired ?? (one.valid_from ? [] : undefined)
  if (wanted === undefined) return
  deepEqual(named(verified.expired), wanted.toSorted())
  deepEqual(named(verified.notYetValid), (one.time_issue?.not_yet_valid ?? []).toSorted())
  equal(verified.earliestExpiry < verified.at, wanted.length > 0)
}

function statuses({
  platform,
  qe,
  tdxModule,
}: Pick<Verified, 'platform' | 'qe' | 'tdxModule'>): z.infer<typeof parts> {
  const module = tdxModule && { tdxmodule: tdxModule.status }
  return { platform: platform.status, ...module, qe: qe.status }
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

test("the project's own Intel-signed quotes come out as their index says", () => {
  const own = readOwnVectors()
  ok(own.length > 0 && own.length <= 12)
  for (const { quote, collateral, at, expect } of own) {
    const parts = parseCollateral(collateral)
    const run = () => verify(quote, parts, { at, roots: intelRoots })
    if ('error' in expect) {
      throws(run, { code: `ERR_VERIFY_${expect.error}` })
      continue
    }
    const verified = run()
    equal(verified.status, expect.status)
    deepEqual(verified.advisories.toSorted(), expect.advisories)
    deepEqual([verified.expired, verified.notYetValid], [[], []])
  }
})
