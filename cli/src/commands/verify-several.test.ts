import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { alcove, alcoveOf } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'

const vectors = join(projectRoot, 'vectors')
const sgx = join(vectors, 'sgx-v3-phala/quote.bin')
const ofSgx = [
  '--collateral',
  join(vectors, 'sgx-v3-phala/collateral.json'),
  '--at',
  '2025-07-04T10:28:44Z',
]
const td = join(vectors, 'tdx-v5-google/quote.bin')
const ofTd = [
  '--collateral',
  join(vectors, 'tdx-v5-google/collateral.json'),
  '--at',
  '2026-02-25T00:45:50Z',
]
const relaunch = join(vectors, 'tdx-v5-relaunch/quote.bin')
const ofRelaunch = [
  ...['--collateral', join(vectors, 'tdx-v5-relaunch/collateral.json')],
  ...['--at', '2025-03-10T11:04:29Z'],
]
const accepting = ['--accept', 'ConfigurationAndSWHardeningNeeded']

const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
after(() => rm(directory, { recursive: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

const bytes = await readFile(sgx)
const flipped = Uint8Array.from(bytes)
flipped[120] = 0xff

test('several quotes are a line each and a summary; one that is refused makes it 3', async () => {
  const bad = await file('bad.quote', flipped)
  const { code, stdout } = await alcove('verify', sgx, bad, sgx, ...ofSgx, ...accepting)
  equal(code, 3)
  deepEqual(stdout.trim().split('\n'), [
    `${sgx}: accepted, ConfigurationAndSWHardeningNeeded`,
    `${bad}: refused: ERR_VERIFY_INVALID_QUOTE_SIGNATURE`,
    `${sgx}: accepted, ConfigurationAndSWHardeningNeeded`,
    '3 quotes: 2 accepted, 1 refused',
    'Any enclave was accepted: name yours with --mrenclave or --mrsigner',
  ])
  equal((await alcove('verify', sgx, sgx, ...ofSgx, ...accepting)).code, 0)
  const byPolicy = await alcove('verify', sgx, sgx, ...ofSgx)
  equal(byPolicy.code, 3)
  match(byPolicy.stdout, /: refused, ConfigurationAndSWHardeningNeeded: tcb-status-not-accepted$/m)
})

test('one of several that cannot be read does not keep the others back, and makes it 1', async () => {
  const { code, stdout } = await alcove('verify', '/nowhere', sgx, ...ofSgx, ...accepting)
  equal(code, 1)
  match(stdout, /^\/nowhere: unreadable: ERR_INPUT_ABSENT\n.*: accepted, /)
  match(stdout, /\/nowhere: no such file, want a quote: check the path/)
  match(stdout, /^2 quotes: 1 accepted, 0 refused, 1 unreadable$/m)
})

test('as JSON several quotes are an array, of which each names its file', async () => {
  const cut = await file('cut.quote', bytes.subarray(0, 700))
  const { code, stdout } = await alcove(
    'verify',
    sgx,
    cut,
    ...ofSgx,
    ...accepting,
    '--output',
    'json',
  )
  equal(code, 1)
  const [good, bad, ...others] = JSON.parse(stdout)
  deepEqual(others, [])
  deepEqual([good.quote, good.trusted], [sgx, true])
  deepEqual([bad.quote, bad.error.code], [cut, 'ERR_FORMAT_TRUNCATED'])
})

test('quotes and collateral are read in hex and base64, and from standard input', async () => {
  const collateral = await readFile(join(vectors, 'sgx-v3-phala/collateral.json'))
  const inBase64 = await file('collateral.base64', collateral.toBase64())
  const inTime = ['--at', '2025-07-04T10:28:44Z', ...accepting]
  const hex = await file('quote.hex', `${bytes.toHex()}\n`)
  equal((await alcove('verify', hex, '--collateral', inBase64, ...inTime)).code, 0)
  equal((await alcoveOf(bytes, 'verify', '-', ...ofSgx, ...accepting)).code, 0)
  const inBase64Too = Buffer.from(bytes.toBase64().replaceAll(/.{76}/g, '$&\n'))
  equal((await alcoveOf(inBase64Too, 'verify', '-', ...ofSgx, ...accepting)).code, 0)
  equal((await alcoveOf(collateral, 'verify', sgx, '--collateral', '-', ...inTime)).code, 0)
})

test('a policy file decides, and flags go on top of it', async () => {
  const mrSigner = '815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6'
  const policy = await file('policy.json', JSON.stringify({ mrSigners: [mrSigner] }))
  const refused = await alcove('verify', sgx, ...ofSgx, '--policy', policy)
  equal(refused.code, 3)
  match(refused.stdout, /the policy accepts UpToDate:/)
  const asked = ['verify', sgx, ...ofSgx, '--policy', policy, ...accepting]
  const accepted = await alcove(...asked)
  equal(accepted.code, 0)
  ok(!accepted.stdout.includes('Any enclave was accepted'))
  const other = await alcove(...asked, '--mrsigner', '00'.repeat(32))
  equal(other.code, 3)
  match(other.stdout, /MRSIGNER 815f42f1\w+\s+is not allowed/)
})

const guide = await readFile(join(projectRoot, 'docs/guides/policy.md'), 'utf8')
const policies = Array.from(guide.matchAll(/^```json\n([\s\S]*?)^```/gm), ([, text = '']) => text)
const commands = Array.from(
  guide.matchAll(/^\$ npx alcove (verify .*)$/gm),
  ([, text = '']) => text,
)

test('the commands of the guide accept, with the policies of the guide', async () => {
  equal(commands.length, 2)
  for (const [index, command] of commands.entries()) {
    const path = await file(`guide-${index}.json`, policies[index] ?? '')
    const { code, stdout } = await alcove(...command.replace(/\S+$/, path).split(' '))
    equal(code, 0, stdout)
    ok(!stdout.includes('Any '))
  }
})

test('of a TD its measurements, attributes and REPORTDATA are shown', async () => {
  const { code, stdout } = await alcove('verify', td, ...ofTd)
  equal(code, 0)
  match(stdout, /^ {2}MRTD +7348651a34b2d2d3/m)
  match(stdout, /^ {2}RTMR1 +463acaace1b6e97c/m)
  match(stdout, /^ {2}MRCONFIGID +48 bytes, all zero$/m)
  match(stdout, /^ {2}MROWNER +48 bytes, all zero$/m)
  match(stdout, /^ {2}TDATTRIBUTES +0x10000000 {2}SEPT_VE_DISABLE$/m)
  match(stdout, /^ {2}REPORTDATA +945eaacf5abc1f71/m)
  match(stdout, /^Any TD was accepted: /m)
})

test('--explain tells the story in its order, at most 80 columns', async () => {
  const explained = await alcove('verify', relaunch, ...ofRelaunch, '--explain')
  equal(explained.code, 3)
  const told = explained.stdout
  for (const line of told.split('\n')) ok(line.length <= 80, line)
  const order = [
    /^What was read\n {2}quote version +5\n {2}TEE +TDX 1\.5, a TD$/m,
    /^ {2}QE +Intel’s, ISVSVN 6$/m,
    /^ {2}✓ tcb-status/m,
    /^Platform: UpToDate$/m,
    /^ {2}TDX found +4 +1 +3 .*\n {6}wanted +– +– +3 /m,
    /^QE: UpToDate$/m,
    /^TDX module: OutOfDate$/m,
    /^ {2}lacks for UpToDate, the level of 2024-11-13:\n {4}- ISVSVN: 4 → 6$/m,
    /^If the TD were launched anew: UpToDate$/m,
    /^All parts together: TDRelaunchAdvised$/m,
    /^ {2}INTEL-SA-01036 {2}TDX module, by its level of 2024-03-13$/m,
    /^Time: everything is valid\n.* to end is qe-identity, on\n {2}2025-03-22T11:31:38Z$/m,
    /^ {2}MRTD +ece51dc95034ed0e/m,
    /^Verdict\n {2}REFUSED: TCB status TDRelaunchAdvised; the policy says no:$/m,
  ]
  const places = order.map(pattern => told.search(pattern))
  deepEqual(places.includes(-1), false, `${order[places.indexOf(-1)]}`)
  deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )
})

test('of several, too, it is said that anybody was accepted, once', async () => {
  const { stdout } = await alcove('verify', sgx, sgx, ...ofSgx, ...accepting)
  equal(stdout.split('Any enclave was accepted').length, 2)
  const policy = await file('any.json', '{"td":{"measurements":{"mrTd":"any"}}}')
  const ofAny = await alcove('verify', td, td, ...ofTd, '--policy', policy)
  match(ofAny.stdout, /2 accepted[\s\S]*\nAny TD was accepted/)
})

test('--explain with JSON adds the steps', async () => {
  const { stdout } = await alcove('verify', sgx, ...ofSgx, '--explain', '--output', 'json')
  const { steps } = JSON.parse(stdout)
  deepEqual(Object.keys(steps[0]), ['name', 'detail'])
  equal(steps.at(-1).name, 'tcb-status')
  const bad = await file('steps.quote', flipped)
  const all = await alcove('verify', bad, sgx, ...ofSgx, '--explain', '--output', 'json')
  const [refused, accepted] = JSON.parse(all.stdout)
  equal(refused.error.code, 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE')
  equal(refused.steps.at(-1).name, 'qe-matches-identity')
  deepEqual(accepted.steps, steps)
})

test('--explain of a quote that fails says the steps, the failure, and no claim', async () => {
  const { code, stdout } = await alcove('verify', await file('f', flipped), ...ofSgx, '--explain')
  equal(code, 3)
  match(stdout, /✓ attestation-key[\s\S]*✗ [\s\S]*ERR_VERIFY_INVALID_QUOTE_SIGNATURE/)
  match(stdout, /alcove inspect prints it/)
  ok(!stdout.includes('MRENCLAVE  '))
})

test('--explain says what has expired, and what a platform lacks, by name', async () => {
  const later = ['--at', '2026-07-04T00:00:00Z']
  const trustee = join(vectors, 'tdx-v4-trustee')
  const args = [join(trustee, 'quote.bin'), '--collateral', join(trustee, 'collateral.json')]
  const { stdout } = await alcove('verify', ...args, ...later, '--explain')
  match(
    stdout,
    /^Time: not everything is valid\n {2}- pck-crl ended on |^ {2}- tcb-info ended on /m,
  )
  match(stdout, /- SGX component 1, Early Microcode Update \(BIOS\): 6 → 7/)
  match(stdout, /70 bytes follow the quote, all zero/)
})

test('JSON has the levels, what would be better, open advisories, the PCK and all claims', async () => {
  const { stdout } = await alcove('verify', relaunch, ...ofRelaunch, '--output', 'json')
  const told = JSON.parse(stdout)
  deepEqual(
    [told.platformStatus, told.qeStatus, told.tdxModuleStatus, told.currentStatus],
    ['UpToDate', 'UpToDate', 'OutOfDate', 'UpToDate'],
  )
  equal(told.levels.platform.svns.components.length, 16)
  equal(told.levels.tdxModule.level.isvSvn, 4)
  deepEqual(told.better.tdxModule[0].lacks, [{ what: 'ISVSVN', found: 4, wanted: 6 }])
  equal(told.better.tdxModule[0].level.status, 'UpToDate')
  deepEqual(told.openAdvisories[0], {
    id: 'INTEL-SA-01036',
    part: 'tdx-module',
    tcbDate: '2024-03-13T00:00:00.000Z',
  })
  equal(told.pck.fmspc, told.fmspc)
  equal(told.claims.tdAttributes, '0x10000000')
  deepEqual(told.claims.tdAttributeNames, ['SEPT_VE_DISABLE'])
  equal(told.claims.reportData, told.reportData)
})
