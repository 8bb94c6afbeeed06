// Over 300 lines: one table of everything that can be malformed, beside the verdicts.
import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createPcs } from '@alcove/simulator'
import { alcove } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'

const vectors = join(projectRoot, 'vectors/sgx-v3-phala')
const quote = join(vectors, 'quote.bin')
const withCollateral = ['--collateral', join(vectors, 'collateral.json')]
const inItsTime = ['--at', '2025-07-04T10:28:44Z']
const accepting = ['--accept', 'ConfigurationAndSWHardeningNeeded']

const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
after(() => rm(directory, { recursive: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

test('a real Intel-signed quote is accepted with collateral of its time, where its status is', async () => {
  const { code, stdout } = await alcove(
    'verify',
    quote,
    ...withCollateral,
    ...inItsTime,
    ...accepting,
  )
  equal(code, 0)
  match(stdout, /✓ pck-chain +Intel SGX Root CA → /)
  match(stdout, /✓ quote-signature/)
  match(stdout, /ACCEPTED: TCB status ConfigurationAndSWHardeningNeeded/)
})

test('the default policy refuses its TCB status, with the reason', async () => {
  const { code, stdout } = await alcove('verify', quote, ...withCollateral, ...inItsTime)
  equal(code, 3)
  match(stdout, /REFUSED: TCB status ConfigurationAndSWHardeningNeeded/)
})

test('with one bit flipped it is refused', async () => {
  const bytes = await readFile(quote)
  bytes[120] = (bytes[120] ?? 0) ^ 1
  const { code, stdout } = await alcove(
    'verify',
    await file('flipped', bytes),
    ...withCollateral,
    ...inItsTime,
    ...accepting,
  )
  equal(code, 3)
  match(stdout, /✗ [\s\S]*\(ERR_VERIFY_INVALID_QUOTE_SIGNATURE\)/)
})

test('at another time it is refused, with every item that has expired or is not yet valid', async () => {
  const later = await alcove(
    'verify',
    quote,
    ...withCollateral,
    '--at',
    '2026-07-04T10:28:44Z',
    ...accepting,
    '--output',
    'json',
  )
  equal(later.code, 3)
  const verdict = JSON.parse(later.stdout)
  equal(verdict.status, 'ConfigurationAndSWHardeningNeeded')
  equal(verdict.trusted, false)
  equal(verdict.expired.length > 0, true)
  deepEqual([...new Set(verdict.reasons.map(({ code }: { code: string }) => code))], ['expired'])
  const earlier = await alcove(
    'verify',
    quote,
    ...withCollateral,
    '--at',
    '2025-01-01T00:00:00Z',
    ...accepting,
    '--output',
    'json',
  )
  equal(earlier.code, 3)
  equal(JSON.parse(earlier.stdout).notYetValid.length > 0, true)
})

test('what has expired is accepted where --allow-expired says so', async () => {
  const { code } = await alcove(
    'verify',
    quote,
    ...withCollateral,
    '--at',
    '2026-07-04T10:28:44Z',
    ...accepting,
    '--allow-expired',
  )
  equal(code, 0)
})

test('under another root it is refused', async () => {
  const { rootPem } = createPcs({ seed: new Uint8Array(32), now: new Date('2025-01-01T00:00:00Z') })
  const root = ['--root', await file('root.pem', rootPem)]
  const { code, stdout } = await alcove(
    'verify',
    quote,
    ...withCollateral,
    ...inItsTime,
    ...accepting,
    ...root,
  )
  equal(code, 3)
  match(stdout, /ERR_VERIFY_UNTRUSTED_ROOT/)
})

test('JSON says the same fields of every quote that verifies, and only error of one that does not', async () => {
  const accepted = await alcove(
    'verify',
    quote,
    ...withCollateral,
    ...inItsTime,
    ...accepting,
    '--output',
    'json',
  )
  const { status, trusted, reasons, advisories, expired, notYetValid } = JSON.parse(accepted.stdout)
  deepEqual(
    { status, trusted, reasons, advisories, expired, notYetValid },
    {
      status: 'ConfigurationAndSWHardeningNeeded',
      trusted: true,
      reasons: [],
      advisories: ['INTEL-SA-00289', 'INTEL-SA-00615'],
      expired: [],
      notYetValid: [],
    },
  )
  const bytes = await readFile(quote)
  bytes[120] = (bytes[120] ?? 0) ^ 1
  const refused = await alcove(
    'verify',
    await file('flipped2', bytes),
    ...withCollateral,
    ...inItsTime,
    '--output',
    'json',
  )
  equal(refused.code, 3)
  const { error, ...rest } = JSON.parse(refused.stdout)
  equal(error.code, 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE')
  deepEqual(rest, {})
})

/** Everything that is malformed ends in one line on stderr that names the file or field. */
const malformed: readonly [
  title: string,
  args: () => Promise<readonly string[]>,
  code: number,
  says: RegExp,
][] = [
  [
    'a quote that is absent',
    async () => ['/nowhere/quote', ...withCollateral],
    1,
    /^alcove: \/nowhere\/quote: no such file/,
  ],
  [
    'a directory for a quote',
    async () => [directory, ...withCollateral],
    1,
    /is not a regular file, want a quote/,
  ],
  [
    'an empty quote',
    async () => [await file('empty', ''), ...withCollateral],
    1,
    /empty, want a quote/,
  ],
  [
    'a quote cut short',
    async () => [await file('cut', (await readFile(quote)).subarray(0, 700)), ...withCollateral],
    1,
    /quote\.\S+ at 0x[0-9a-f]+: need/,
  ],
  [
    'a quote of another version',
    async () => [
      await file('v2', Uint8Array.of(2, ...(await readFile(quote)).subarray(1))),
      ...withCollateral,
    ],
    1,
    /quote\.header\.version at 0x0/,
  ],
  [
    'a quote of 65 KiB',
    async () => [await file('large', new Uint8Array(65 * 1024)), ...withCollateral],
    1,
    /more than 65536 bytes, which no quote has/,
  ],
  [
    'collateral that is no JSON',
    async () => [quote, '--collateral', await file('nojson', '{')],
    1,
    /not JSON|JSON/,
  ],
  [
    'collateral without a part',
    async () => [quote, '--collateral', await file('part', '{"tcb_info":"{}"}')],
    1,
    /collateral\.\w+/,
  ],
  [
    'a root that is no PEM',
    async () => [quote, ...withCollateral, '--root', await file('nopem', 'hello')],
    1,
    /nopem/,
  ],
  ['no collateral', async () => [quote], 2, /needs --collateral FILE/],
  [
    'a time without a zone',
    async () => [quote, ...withCollateral, '--at', '2025-07-04'],
    2,
    /--at '2025-07-04': want a time with its zone/,
  ],
  [
    'a day that its month does not have',
    async () => [quote, ...withCollateral, '--at', '2025-02-30T00:00:00Z'],
    2,
    /--at '2025-02-30T00:00:00Z': want a time/,
  ],
  [
    'a status that does not exist',
    async () => [quote, ...withCollateral, '--accept', 'Fine'],
    2,
    /'Fine' is no TCB status; the statuses are UpToDate,/,
  ],
  [
    'an option that does not exist',
    async () => [quote, '--trust-me'],
    2,
    /unknown option '--trust-me'/,
  ],
  [
    'an output that does not exist',
    async () => [quote, ...withCollateral, '--output', 'xml'],
    2,
    /Allowed choices are text, json\..*--help says more/,
  ],
  ['no quote', async () => [], 2, /missing required argument 'quote'/],
  [
    'standard input for two things',
    async () => ['-', '--collateral', '-'],
    2,
    /- stands for standard input, which is read once/,
  ],
  [
    'a policy with a misspelt key',
    async () => [quote, ...withCollateral, '--policy', await file('misspelt', '{"mrEnclave":[]}')],
    1,
    /misspelt: policy\.mrEnclave: unknown: leave it out, or write one of .*mrEnclaves.*ERR_POLICY_VALUE/,
  ],
  [
    'a policy that is no JSON',
    async () => [quote, ...withCollateral, '--policy', await file('nopolicy', '{]')],
    1,
    /nopolicy: policy: not JSON: write one object/,
  ],
]

for (const [title, args, code, says] of malformed) {
  test(`${title} exits ${code} and says so in a line`, async () => {
    const finished = await alcove('verify', ...(await args()))
    equal(finished.code, code)
    match(finished.stderr, says)
    equal(finished.stdout, '')
    equal(/\n\s+at /.test(finished.stderr), false)
  })
}

test('--mrenclave and --mrsigner accept the enclave that they name, and no other', async () => {
  const asked = ['verify', quote, ...withCollateral, ...inItsTime, ...accepting]
  const { mrEnclave, mrSigner } = JSON.parse((await alcove(...asked, '--output', 'json')).stdout)
  equal((await alcove(...asked, '--mrenclave', mrEnclave, '--mrsigner', mrSigner)).code, 0)
  const other = await alcove(...asked, '--mrenclave', '00'.repeat(32))
  equal(other.code, 3)
  match(other.stdout, /MRENCLAVE/)
  equal((await alcove(...asked, '--mrsigner', 'abc')).code, 2)
})

test('a revoked platform cannot be asked to be accepted', async () => {
  const { code, stderr } = await alcove('verify', quote, ...withCollateral, '--accept', 'Revoked')
  equal(code, 2)
  match(stderr, /a revoked platform is never accepted/)
})

test('a pipe in place of a quote is refused at once, and does not hang', async () => {
  const pipe = join(directory, 'pipe')
  equal(spawnSync('mkfifo', [pipe]).status, 0)
  const { code, stderr } = await alcove('verify', pipe, ...withCollateral)
  equal(code, 1)
  match(stderr, /is not a regular file/)
})

test('a reader that has enough of it changes nothing about the exit code', () => {
  const program = join(projectRoot, 'cli/src/main.ts')
  const asked = [process.execPath, program, 'verify', quote, ...withCollateral].join(' ')
  const script = `${asked} | head -1 >/dev/null; exit \${PIPESTATUS[0]}`
  const ran = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  equal(ran.stderr, '')
  equal(ran.status, 3)
})

test('usage errors are an error object too, where JSON was asked for', async () => {
  const { code, stdout } = await alcove('verify', quote, '--output', 'json', '--trust-me')
  equal(code, 2)
  equal(JSON.parse(stdout).error.code, 'ERR_USAGE')
})

test('malformed input is an error object on stdout where JSON was asked for', async () => {
  const { code, stdout } = await alcove(
    'verify',
    '/nowhere/quote',
    ...withCollateral,
    '--output',
    'json',
  )
  equal(code, 1)
  equal(JSON.parse(stdout).error.code, 'ERR_INPUT_ABSENT')
})

test('--verbose prints the stack', async () => {
  const { stderr } = await alcove('--verbose', 'verify', '/nowhere/quote', ...withCollateral)
  match(stderr, /\n\s+at /)
})

test('a PEM key in place of a root certificate is refused by its file name', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const path = await file('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  const { code, stderr } = await alcove('verify', quote, ...withCollateral, '--root', path)
  equal(code, 1)
  match(stderr, /key\.pem/)
})
