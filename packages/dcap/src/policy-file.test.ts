import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  appraise,
  defaultPolicy,
  intelRoots,
  PolicyError,
  parseCollateral,
  parsePolicy,
  policySchema,
  tcbStatuses,
  tdMeasurements,
  type Verified,
  verify,
} from './index.ts'

const root = new URL('../../../', import.meta.url)
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8')

test('docs/policy.schema.json is the schema that policySchema answers', () => {
  deepEqual(JSON.parse(textOf('docs/policy.schema.json')), policySchema())
})

test('every field of the schema is described', () => {
  const undescribed: string[] = []
  const visit = (schema: unknown, path: string) => {
    if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (typeof field?.description !== 'string') undescribed.push(`${path}${name}`)
      visit(field, `${path}${name}.`)
    }
  }
  visit(policySchema(), '')
  deepEqual(undescribed, [])
})

test('an empty policy is the default one', () => {
  deepEqual(parsePolicy('{}'), defaultPolicy)
})

test('every field is read', () => {
  const hex = (bytes: number) => ['Ab'.repeat(bytes)]
  const measurements = Object.fromEntries(tdMeasurements.map(name => [name, hex(48)]))
  const file = {
    acceptStatuses: ['OutOfDate', 'TDRelaunchAdvised'],
    allowAdvisories: ['INTEL-SA-00615'],
    allowExpired: true,
    allowNotYetValid: true,
    minTcbEvaluationDataNumber: 17,
    allowDebug: true,
    mrEnclaves: hex(32),
    mrSigners: [],
    isvProdId: 65535,
    minIsvSvn: 2,
    kss: { configId: hex(64), isvExtProdId: 'any', isvFamilyId: hex(16), minConfigSvn: 3 },
  }
  const policy = parsePolicy(
    JSON.stringify({
      ...file,
      $schema: 'policy.schema.json',
      minTcbDate: '2024-03-13T01:00:00+01:00',
      td: {
        measurements,
        requiredAttributes: ['SEPT_VE_DISABLE', 'PKS'],
        forbiddenAttributes: '0xFF',
      },
      reportData: '0102',
    }),
  )
  deepEqual(policy, {
    ...file,
    minTcbDate: new Date('2024-03-13T00:00:00Z'),
    td: { measurements, requiredAttributes: 0x5000_0000n, forbiddenAttributes: 0xffn },
    reportData: Uint8Array.of(1, 2),
  })
})

const hex = 'ab'.repeat(32)
for (const [what, file, field, says] of [
  ['a key that is not known', { mrEnclave: [] }, 'policy.mrEnclave', /leave it out, .*mrEnclaves/],
  ['a key of td that is not known', { td: { mrTd: [] } }, 'policy.td.mrTd', /measurements/],
  ['__proto__', JSON.parse('{"__proto__": {}}'), 'policy.__proto__', /unknown/],
  ['a list in place of an object', [], 'policy', /want an object/],
  ['Revoked', { acceptStatuses: ['Revoked'] }, 'policy.acceptStatuses.0', /never accepted/],
  ['another status', { acceptStatuses: ['Fine'] }, 'policy.acceptStatuses.0', /want a TCB status:/],
  ['a status without a list', { acceptStatuses: 'UpToDate' }, 'policy.acceptStatuses', /a list/],
  ['short hex', { mrEnclaves: [hex, 'ab'] }, 'policy.mrEnclaves.1', /want 64 hex digits/],
  ['hex without a list', { mrSigners: hex }, 'policy.mrSigners', /"any", or a list/],
  ['a product by its name', { isvProdId: '1' }, 'policy.isvProdId', /"any", or an integer/],
  ['a version over 16 bits', { minIsvSvn: 65536 }, 'policy.minIsvSvn', /from 0 to 65535/],
  ['a version below 0', { minIsvSvn: -1 }, 'policy.minIsvSvn', /from 0 to 65535/],
  ['a boolean in quotes', { allowDebug: 'false' }, 'policy.allowDebug', /true or false/],
  ['a day without a time', { minTcbDate: '2024-03-13' }, 'policy.minTcbDate', /with its zone/],
  ['a day that is none', { minTcbDate: '2023-02-29T00:00:00Z' }, 'policy.minTcbDate', /zone/],
  ['half a byte', { reportData: 'abc' }, 'policy.reportData', /at most 128 hex digits/],
  ['65 bytes', { reportData: 'ab'.repeat(65) }, 'policy.reportData', /at most 128 hex digits/],
  [
    'an attribute that is none',
    { td: { requiredAttributes: ['SEPT'] } },
    'policy.td.requiredAttributes.0',
    /want a name: DEBUG, .*SEPT_VE_DISABLE/,
  ],
  [
    'a number for attributes',
    { td: { forbiddenAttributes: 1 } },
    'policy.td.forbiddenAttributes',
    /0x/,
  ],
  ['null', { mrEnclaves: null }, 'policy.mrEnclaves', /"any", or a list/],
] as const) {
  test(`${what} in a policy is refused by its field, with what to write`, () => {
    const error = refusal(JSON.stringify(file))
    equal(error.code, 'ERR_POLICY_VALUE')
    const [problem, ...others] = error.problems
    deepEqual(others, [])
    equal(problem?.field, field)
    match(problem?.detail ?? '', says)
  })
}

function refusal(text: string): PolicyError {
  try {
    parsePolicy(text)
  } catch (error) {
    if (error instanceof PolicyError) return error
    throw error
  }
  throw new Error('it was read')
}

test('every problem of a policy is told at once', () => {
  const { problems, message } = refusal('{"mrEnclave": [], "minIsvSvn": "1", "td": {"rtmr0": []}}')
  deepEqual(problems.map(({ field }) => field).toSorted(), [
    'policy.minIsvSvn',
    'policy.mrEnclave',
    'policy.td.rtmr0',
  ])
  for (const { field, detail } of problems) ok(message.includes(`${field}: ${detail}`))
})

test('what is not JSON, or over 256 KiB, is refused as such', () => {
  throws(() => parsePolicy('{'), { code: 'ERR_POLICY_FORMAT' })
  throws(() => parsePolicy(''), { code: 'ERR_POLICY_FORMAT' })
  deepEqual(parsePolicy(`{}${' '.repeat(256 * 1024 - 2)}`), defaultPolicy)
  throws(() => parsePolicy(`{}${' '.repeat(256 * 1024 - 1)}`), { code: 'ERR_POLICY_TOO_LARGE' })
})

test('a key that occurs twice is refused, at any depth', () => {
  for (const text of [
    '{"mrEnclaves": [], "minIsvSvn": 1, "mrEnclaves": "any"}',
    '{"td": {"measurements": {"mrTd": [], "mrTd": "any"}}}',
    '{"\\u006drEnclaves": [], "mrEnclaves": "any"}',
  ]) {
    throws(() => parsePolicy(text), { code: 'ERR_POLICY_FORMAT', message: /occurs twice/ })
  }
})

test('the schema names the statuses, Revoked aside', () => {
  const { properties } = Object(policySchema())
  deepEqual(
    properties.acceptStatuses.items.enum,
    tcbStatuses.filter(status => status !== 'Revoked'),
  )
})

const guide = textOf('docs/guides/policy.md')
const examples = Array.from(guide.matchAll(/^```json\n([\s\S]*?)^```/gm), ([, text = '']) => text)

function verified(name: string, at: string): Verified {
  const quote = readFileSync(new URL(`vectors/${name}/quote.bin`, root))
  const collateral = parseCollateral(textOf(`vectors/${name}/collateral.json`))
  return verify(quote, collateral, { at: new Date(at), roots: intelRoots })
}

test('the guide’s policies accept the quotes that they are shown with, and neither the other’s', () => {
  equal(examples.length, 2)
  const [enclave, td] = examples.map(parsePolicy)
  const ofEnclave = verified('sgx-v3-phala', '2025-07-04T10:28:44Z')
  const ofTd = verified('tdx-v5-google', '2026-02-25T00:45:50Z')
  if (enclave === undefined || td === undefined) throw new Error('no example')
  deepEqual(appraise(ofEnclave, enclave), { trusted: true })
  deepEqual(appraise(ofTd, td), { trusted: true })
  equal(appraise(ofEnclave, td).trusted, false)
  equal(appraise(ofTd, enclave).trusted, false)
})
