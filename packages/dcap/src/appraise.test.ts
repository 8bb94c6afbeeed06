import { deepEqual, equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  appraise,
  defaultPolicy,
  intelRoots,
  type Policy,
  parseCollateral,
  type Reason,
  reasonText,
  tcbStatuses,
  type Verified,
  verify,
} from './index.ts'

const vectors = new URL('../../../vectors/sgx-v3-icelake/', import.meta.url)
const real = verify(
  readFileSync(new URL('quote.bin', vectors)),
  parseCollateral(readFileSync(new URL('collateral.json', vectors), 'utf8')),
  { at: new Date('2023-05-29T17:54:21Z'), roots: intelRoots },
)
const good: Verified = { ...real, status: 'UpToDate', advisories: [] }
const { claims } = good
if (claims.tee !== 'SGX') throw new Error('the quote is not of an enclave')

function reasons(verified: Verified, policy: Partial<Policy>): readonly Reason[] {
  const verdict = appraise(verified, { ...defaultPolicy, ...policy })
  return verdict.trusted ? [] : verdict.reasons
}

test('the default policy accepts UpToDate and no other status', () => {
  deepEqual(appraise(good, defaultPolicy), { trusted: true })
  for (const status of tcbStatuses.filter(other => other !== 'UpToDate')) {
    deepEqual(reasons({ ...good, status }, {}), [
      { code: 'tcb-status-not-accepted', found: status, wanted: ['UpToDate'], advisories: [] },
    ])
    if (status === 'Revoked') continue
    deepEqual(reasons({ ...good, status }, { acceptStatuses: [status] }), [])
  }
})

test('no policy accepts Revoked, though it list it', () => {
  const acceptStatuses = [...tcbStatuses]
  const wanted = tcbStatuses.filter(status => status !== 'Revoked')
  deepEqual(reasons({ ...good, status: 'Revoked' }, { acceptStatuses }), [
    { code: 'tcb-status-not-accepted', found: 'Revoked', wanted, advisories: [] },
  ])
})

const other = 'ab'.repeat(32)
const debug: Verified = { ...good, claims: { ...claims, debug: true } }
for (const [what, verified, policy, wanted] of [
  ['a DEBUG enclave', debug, {}, ['debug-enclave']],
  ['a DEBUG enclave where it is allowed', debug, { allowDebug: true }, []],
  ['its own MRENCLAVE', good, { mrEnclaves: [other, claims.mrEnclave] }, []],
  ['its own MRENCLAVE in capitals', good, { mrEnclaves: [claims.mrEnclave.toUpperCase()] }, []],
  ['another MRENCLAVE', good, { mrEnclaves: [other] }, ['mrenclave-not-allowed']],
  ['no MRENCLAVE', good, { mrEnclaves: [] }, ['mrenclave-not-allowed']],
  ['its own MRSIGNER', good, { mrSigners: [claims.mrSigner] }, []],
  ['another MRSIGNER', good, { mrSigners: [other] }, ['mrsigner-not-allowed']],
  ['no MRSIGNER', good, { mrSigners: [] }, ['mrsigner-not-allowed']],
  ['its own ISVPRODID', good, { isvProdId: claims.isvProdId }, []],
  ['another ISVPRODID', good, { isvProdId: claims.isvProdId + 1 }, ['isvprodid-differs']],
  ['its own ISVSVN', good, { minIsvSvn: claims.isvSvn }, []],
  ['a higher ISVSVN', good, { minIsvSvn: claims.isvSvn + 1 }, ['isvsvn-too-low']],
  ['an ISVSVN that is no number', good, { minIsvSvn: Number.NaN }, ['isvsvn-too-low']],
  ['its own REPORTDATA', good, { reportData: claims.reportData }, []],
  [
    'the start of its REPORTDATA',
    good,
    { reportData: claims.reportData.subarray(0, 32) },
    ['report-data-differs'],
  ],
  ['a longer REPORTDATA', good, { reportData: new Uint8Array(65) }, ['report-data-differs']],
] as const) {
  test(`a policy over ${what}: ${wanted[0] ?? 'trusted'}`, () => {
    deepEqual(
      reasons(verified, policy).map(({ code }) => code),
      wanted,
    )
  })
}

test('REPORTDATA shorter than 64 bytes stands for itself and zeros', () => {
  const reportData = new Uint8Array(64)
  reportData.set([1, 2, 3])
  const verified: Verified = { ...good, claims: { ...claims, reportData } }
  deepEqual(reasons(verified, { reportData: Uint8Array.of(1, 2, 3) }), [])
  equal(reasons(verified, { reportData: Uint8Array.of(1, 2) }).length, 1)
})

const item = { item: 'pck-crl', notBefore: good.at, notAfter: good.at }
const bad: Verified = {
  ...debug,
  status: 'OutOfDate',
  advisories: ['INTEL-SA-00615'],
  expired: [item],
  notYetValid: [{ ...item, item: 'tcb-info' }],
}

test('every reason is listed at once', () => {
  const all = reasons(bad, {
    mrEnclaves: [],
    mrSigners: [],
    isvProdId: 9,
    minIsvSvn: 65535,
    reportData: new Uint8Array(65),
  })
  deepEqual(
    all.map(({ code }) => code),
    [
      'tcb-status-not-accepted',
      'expired',
      'not-yet-valid',
      'debug-enclave',
      'report-data-differs',
      'mrenclave-not-allowed',
      'mrsigner-not-allowed',
      'isvprodid-differs',
      'isvsvn-too-low',
    ],
  )
  for (const reason of all) {
    const text = reasonText(reason)
    equal(text.includes('\n'), false)
    match(text, /: ./)
  }
})

test('a reason says what was found, and what to do', () => {
  const [status, expired] = reasons(bad, {}).map(reasonText)
  equal(
    status,
    'the TCB status is OutOfDate (INTEL-SA-00615), the policy accepts UpToDate: update the BIOS or microcode, and the platform software',
  )
  match(expired ?? '', /^pck-crl ended on 2023-05-29T17:54:21Z, before .*: use collateral/)
})
