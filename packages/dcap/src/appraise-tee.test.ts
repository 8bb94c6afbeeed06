import { deepEqual, equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  appraise,
  defaultPolicy,
  intelRoots,
  type Policy,
  parseCollateral,
  type ReasonCode,
  reasonText,
  type Verified,
  verify,
} from './index.ts'

const vectors = new URL('../../../vectors/', import.meta.url)

function verified(name: string, at: string): Verified {
  const read = (file: string) => readFileSync(new URL(`${name}/${file}`, vectors))
  const collateral = parseCollateral(read('collateral.json').toString())
  return verify(read('quote.bin'), collateral, { at: new Date(at), roots: intelRoots })
}

const sgx = verified('sgx-v3-phala', '2025-07-04T10:28:44Z')
const td10 = verified('tdx-v4-trustee', '2025-06-11T19:27:14Z')
const td15 = verified('tdx-v5-google', '2026-02-25T00:45:50Z')
const relaunch = verified('tdx-v5-relaunch', '2025-03-10T11:04:29Z')
const claimsOf = <T extends 'SGX' | 'TDX'>({ claims }: Verified, tee: T) => {
  if (claims.tee !== tee) throw new Error(`the quote is not of ${tee}`)
  return claims as Extract<typeof claims, { tee: T }>
}
const [enclave, td] = [claimsOf(sgx, 'SGX'), claimsOf(td15, 'TDX')]

/** Every status that the quotes have: a case is of what else it asks. */
const acceptStatuses = [sgx, td10, td15, relaunch].map(({ status }) => status)
const [other32, other48] = ['ab'.repeat(32), 'ab'.repeat(48)]
const level = (date: string) => new Date(date)
const underDebug = (bit: bigint): Verified => ({
  ...td15,
  claims: { ...td, debug: true, tdAttributes: td.tdAttributes | bit },
})

const cases: readonly (readonly [
  title: string,
  verified: Verified,
  policy: Partial<Policy>,
  reasons: readonly ReasonCode[],
])[] = [
  ['both advisories that are open, allowed', sgx, { allowAdvisories: sgx.advisories }, []],
  [
    'one of two advisories allowed',
    sgx,
    { allowAdvisories: ['INTEL-SA-00289'] },
    ['advisory-not-allowed'],
  ],
  [
    'no advisory allowed',
    sgx,
    { allowAdvisories: [] },
    ['advisory-not-allowed', 'advisory-not-allowed'],
  ],
  ['no advisory allowed where none is open', td15, { allowAdvisories: [] }, []],
  ['the evaluation that it is of', sgx, { minTcbEvaluationDataNumber: 17 }, []],
  [
    'a later evaluation, of both parts',
    sgx,
    { minTcbEvaluationDataNumber: 18 },
    ['evaluation-too-old', 'evaluation-too-old'],
  ],
  [
    'a later evaluation, where only the QE identity is older',
    { ...td15, qeEvaluationDataNumber: 17 },
    { minTcbEvaluationDataNumber: 18 },
    ['evaluation-too-old'],
  ],
  ['the day of its level', sgx, { minTcbDate: level('2024-03-13T00:00:00Z') }, []],
  [
    'the second after its level',
    sgx,
    { minTcbDate: level('2024-03-13T00:00:01Z') },
    ['tcb-date-too-early'],
  ],
  [
    'the day of its platform, with a QE or module of an earlier one',
    relaunch,
    { minTcbDate: relaunch.platform.level.tcbDate },
    ['tcb-date-too-early'],
  ],
  ['a date that is none', sgx, { minTcbDate: new Date(Number.NaN) }, ['tcb-date-too-early']],
  ['its own CONFIGID', sgx, { kss: { configId: [enclave.configId] } }, []],
  ['another CONFIGID', sgx, { kss: { configId: ['ab'.repeat(64)] } }, ['identity-not-allowed']],
  ['another ISVEXTPRODID', sgx, { kss: { isvExtProdId: [] } }, ['identity-not-allowed']],
  ['another ISVFAMILYID', sgx, { kss: { isvFamilyId: [] } }, ['identity-not-allowed']],
  ['its own CONFIGSVN', sgx, { kss: { minConfigSvn: enclave.configSvn } }, []],
  [
    'a higher CONFIGSVN',
    sgx,
    { kss: { minConfigSvn: enclave.configSvn + 1 } },
    ['configsvn-too-low'],
  ],
  [
    'a CONFIGSVN that is no number',
    sgx,
    { kss: { minConfigSvn: Number.NaN } },
    ['configsvn-too-low'],
  ],
  ['its own MRTD', td15, { td: { measurements: { mrTd: [other48, td.mrTd] } } }, []],
  [
    'its own MRTD in capitals',
    td15,
    { td: { measurements: { mrTd: [td.mrTd.toUpperCase()] } } },
    [],
  ],
  ['another MRTD', td15, { td: { measurements: { mrTd: [other48] } } }, ['identity-not-allowed']],
  [
    'its own RTMRs',
    td15,
    {
      td: {
        measurements: {
          rtmr0: [td.rtmrs[0]],
          rtmr1: [td.rtmrs[1]],
          rtmr2: [td.rtmrs[2]],
          rtmr3: [td.rtmrs[3]],
        },
      },
    },
    [],
  ],
  [
    'its RTMRs in another order',
    td15,
    { td: { measurements: { rtmr0: [td.rtmrs[1]], rtmr1: [td.rtmrs[0]] } } },
    ['identity-not-allowed', 'identity-not-allowed'],
  ],
  ['its TDX module', td15, { td: { measurements: { mrSeam: [td.mrSeam] } } }, []],
  [
    'another TDX module',
    td15,
    { td: { measurements: { mrSeam: [other48] } } },
    ['identity-not-allowed'],
  ],
  ['its MRSERVICETD', td15, { td: { measurements: { mrServiceTd: ['00'.repeat(48)] } } }, []],
  [
    'an MRSERVICETD, which TDX 1.0 does not have',
    td10,
    { td: { measurements: { mrServiceTd: ['00'.repeat(48)] } } },
    ['identity-not-allowed'],
  ],
  ['SEPT_VE_DISABLE, which is set', td15, { td: { requiredAttributes: 1n << 28n } }, []],
  [
    'SEPT_VE_DISABLE, which is not set',
    td10,
    { td: { requiredAttributes: 1n << 28n } },
    ['td-attributes-missing'],
  ],
  ['no PERFMON, which is not set', td15, { td: { forbiddenAttributes: 1n << 63n } }, []],
  [
    'no SEPT_VE_DISABLE, which is set',
    td15,
    { td: { forbiddenAttributes: 1n << 28n } },
    ['td-attributes-forbidden'],
  ],
  ['a TD under debug', underDebug(1n), {}, ['debug-td']],
  ['a TD under debug, allowed', underDebug(1n), { allowDebug: true }, []],
  [
    'a TD under debug, allowed but with the bit forbidden',
    underDebug(0x80n),
    { allowDebug: true, td: { forbiddenAttributes: 0xffn } },
    ['td-attributes-forbidden'],
  ],
  ['an enclave, of a TD', td15, { mrEnclaves: [other32] }, ['tee-not-accepted']],
  ['a signer, of a TD', td15, { mrSigners: [] }, ['tee-not-accepted']],
  ['a product, of a TD', td15, { isvProdId: 0 }, ['tee-not-accepted']],
  ['a version, of a TD', td15, { minIsvSvn: 1 }, ['tee-not-accepted']],
  ['KSS, of a TD', td15, { kss: {} }, ['tee-not-accepted']],
  ['a TD, of an enclave', sgx, { td: {} }, ['tee-not-accepted']],
  ['enclaves and TDs, of an enclave', sgx, { mrEnclaves: [enclave.mrEnclave], td: {} }, []],
  ['enclaves and TDs, of a TD', td15, { mrEnclaves: [other32], td: {} }, []],
  [
    'an enclave and REPORTDATA, of a TD',
    td15,
    { isvProdId: 1, reportData: Uint8Array.of(1) },
    ['report-data-differs', 'tee-not-accepted'],
  ],
]

for (const [title, evidence, policy, wanted] of cases) {
  test(`a policy over ${title}: ${wanted[0] ?? 'trusted'}`, () => {
    const verdict = appraise(evidence, { ...defaultPolicy, acceptStatuses, ...policy })
    const reasons = verdict.trusted ? [] : verdict.reasons
    deepEqual(
      reasons.map(({ code }) => code),
      wanted,
    )
    for (const reason of reasons) match(reasonText(reason), /^[^\n]+: [^\n]+$/)
  })
}

test('a TD whose launch is behind its platform is refused by default, and told to launch anew', () => {
  const verdict = appraise(relaunch, defaultPolicy)
  equal(relaunch.current?.status, 'UpToDate')
  const [reason] = verdict.trusted ? [] : verdict.reasons
  match(reason === undefined ? '' : reasonText(reason), /TDRelaunchAdvised .*launch the TD anew/)
})
