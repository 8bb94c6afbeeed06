import { equal, match, ok } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { reasonOf, unexplained } from './agreement-reasons.ts'
import { agree, agreementReport } from './agreement-report.ts'
import { type Evidence, readOwnEvidence, type Verdict } from './evidence.ts'
import { PeerProcess } from './peer-process.ts'
import { encodePeerCases } from './peers.ts'

const rust = 'dcap-qvl 0.7.1, Rust'
const javaScript = '@phala/dcap-qvl 0.3.9'
const upToDate: Verdict = { status: 'UpToDate', advisories: [] }
const refused: Verdict = { refused: 'TCB_NOT_SUPPORTED' }
const sgxQuote = Uint8Array.of(3, 0, 2, 0, 0, 0, 0, 0)
const tdxQuote = Uint8Array.of(4, 0, 2, 0, 0x81, 0, 0, 0)

const evidence = (name: string, expected: Verdict): Evidence => ({
  ...{ name, expected, quote: sgxQuote },
  ...{ collateral: '{}', at: new Date(0) },
})

test('verdicts agree in status and set of advisories, and two refusals whatever their words', () => {
  const one = { status: 'OutOfDate', advisories: ['A', 'B'] }
  ok(agree(one, { status: 'OutOfDate', advisories: ['B', 'A', 'A'] }))
  ok(!agree(one, { status: 'OutOfDate', advisories: ['A'] }))
  ok(!agree(one, { status: 'UpToDate', advisories: ['A', 'B'] }))
  ok(agree(refused, { refused: 'No matching TCB level found' }))
  ok(!agree(refused, one) && !agree(one, refused))
})

test('a message explains a refusal only of a verifier that is known to say it, and only where a status must come out', () => {
  const debug = { refused: 'Debug mode is enabled' }
  const difference = { quote: sgxQuote, expected: upToDate, found: debug }
  equal(reasonOf(rust, difference), 'policy: a debug enclave or TD is refused')
  equal(reasonOf('@alcove/dcap', difference), unexplained)
  const body = {
    ...difference,
    found: { refused: 'Failed to decode quote: Unsupported body type' },
  }
  equal(reasonOf(javaScript, body), 'the TDX 1.5 extended body is not read')
  equal(reasonOf(rust, body), unexplained)
  equal(reasonOf(rust, { ...difference, expected: debug, found: upToDate }), unexplained)
})

test('a TDX status that the JavaScript peer finds otherwise is for want of module identities, an SGX one by rank', () => {
  const difference = { expected: { ...upToDate, status: 'Revoked' }, found: upToDate }
  const tdx = reasonOf(javaScript, { quote: tdxQuote, ...difference })
  equal(tdx, 'TDX module identities are not looked at')
  match(reasonOf(javaScript, { quote: sgxQuote, ...difference }), /by rank/)
  equal(reasonOf(rust, { quote: tdxQuote, ...difference }), unexplained)
})

test('the report counts, groups by reason and direction, names what is not explained, in 80 columns', () => {
  const cases = [
    evidence('a', upToDate),
    evidence('b', upToDate),
    evidence('c', { refused: 'CRL_INVALID_SIGNATURE' }),
    evidence('d', refused),
  ]
  const { text } = agreementReport({
    cases,
    notRun: 170,
    absent: new Map([[rust, 'cargo is not there']]),
    verdicts: new Map([
      ['@alcove/dcap', [upToDate, upToDate, refused, refused]],
      [javaScript, [upToDate, { refused: 'something' }, upToDate, refused]],
    ]),
  })
  for (const line of text.split('\n')) ok(line.length <= 80, `${line.length}: ${line}`)
  match(text, /^170 cases not run/m)
  match(text, /^dcap-qvl 0\.7\.1, Rust: not run: cargo is not there$/m)
  match(text, /^@alcove\/dcap +4 +0 +4$/m)
  match(text, /^@phala\/dcap-qvl 0\.3\.9 +2 +2 +2$/m)
  match(text, /^CRLs are read.* 1$/m)
  match(text, /^not explained: b$/m)
  match(text, /^@alcove\/dcap differs nowhere$/m)
})

test('every difference of @phala/dcap-qvl over the own quotes is explained', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-agreement-'))
  t.after(() => rm(directory, { recursive: true }))
  const cases = readOwnEvidence()
  const path = join(directory, 'cases.json')
  await writeFile(path, encodePeerCases(cases))
  const program = join(import.meta.dirname, 'peers/phala-qvl.mjs')
  await using peer = new PeerProcess(process.execPath, [program, path], cases.length)
  const verdicts = await peer.verdicts()
  const { text } = agreementReport({
    ...{ cases, notRun: 0, absent: new Map() },
    verdicts: new Map([[javaScript, verdicts]]),
  })
  match(text, /differs +refuses/)
  ok(!text.includes(unexplained), text)
  for (const line of text.split('\n')) ok(line.length <= 80, `${line.length}: ${line}`)
  ok(
    (await peer.measure(
      cases.findIndex(({ name }) => name === 'sgx-v3-phala'),
      2,
    )) > 0,
  )
})
