import { equalBytes } from '@alcove/bytes'
import type { Tee } from '@alcove/sgx'
import type { EnclaveClaims, TdClaims } from './claims.ts'
import {
  type Allowed,
  type KssIdentity,
  type Policy,
  type TdMeasurement,
  type TdPolicy,
  tdMeasurements,
} from './policy.ts'
import type { Reason } from './reason.ts'
import type { Verified } from './verify.ts'

export type Verdict =
  | { readonly trusted: true }
  | { readonly trusted: false; readonly reasons: readonly Reason[] }

/**
 * Compares a verified quote with a policy. A refusal is an answer, not an error: it lists every reason, so that an operator
 * fixes the policy, or the platform, once. A policy that asks something of enclaves, and nothing of TDs, accepts no TD, and the
 * other way round.
 */
export function appraise(verified: Verified, policy: Policy): Verdict {
  const { claims } = verified
  const asked = teesAsked(policy)
  const isOther = asked.length > 0 && !asked.includes(claims.tee)
  const own: Reason[] = isOther
    ? [{ code: 'tee-not-accepted', found: claims.tee, wanted: asked }]
    : claims.tee === 'SGX'
      ? enclaveReasons(claims, policy)
      : tdReasons(claims, policy.td ?? {})
  const reasons = [...platformReasons(verified, policy), ...anyReasons(verified, policy), ...own]
  return reasons.length === 0 ? { trusted: true } : { trusted: false, reasons }
}

function teesAsked(policy: Policy): Tee[] {
  const { mrEnclaves, mrSigners, isvProdId, minIsvSvn, kss, td } = policy
  const asksEnclave =
    [mrEnclaves, mrSigners, isvProdId].some(asked => asked !== 'any') ||
    minIsvSvn !== 0 ||
    kss !== undefined
  return [...(asksEnclave ? (['SGX'] as const) : []), ...(td ? (['TDX'] as const) : [])]
}

function platformReasons(verified: Verified, policy: Policy): Reason[] {
  const { status, advisories, tcbDate } = verified
  const reasons: Reason[] = []
  const accepted = policy.acceptStatuses.filter(one => one !== 'Revoked')
  if (!accepted.some(one => one === status)) {
    reasons.push({ code: 'tcb-status-not-accepted', found: status, wanted: accepted, advisories })
  }
  const allowed = policy.allowAdvisories
  for (const found of allowed === 'any' ? [] : advisories) {
    if (!allowed.includes(found)) reasons.push({ code: 'advisory-not-allowed', found })
  }
  const wanted = policy.minTcbEvaluationDataNumber
  for (const [part, found] of [
    ['TCB info', verified.tcbEvaluationDataNumber],
    ['QE identity', verified.qeEvaluationDataNumber],
  ] as const) {
    // Negated, here and below, so that a minimum that is no number refuses.
    if (!(found >= wanted)) reasons.push({ code: 'evaluation-too-old', part, found, wanted })
  }
  const { minTcbDate } = policy
  if (minTcbDate !== undefined && !(tcbDate >= minTcbDate)) {
    reasons.push({ code: 'tcb-date-too-early', found: tcbDate, wanted: minTcbDate })
  }
  return [...reasons, ...timeReasons(verified, policy)]
}

function timeReasons({ expired, notYetValid, at }: Verified, policy: Policy): Reason[] {
  const ended = policy.allowExpired ? [] : expired
  const early = policy.allowNotYetValid ? [] : notYetValid
  return [
    ...ended.map(({ item, notAfter }) => ({ code: 'expired' as const, item, notAfter, at })),
    ...early.map(({ item, notBefore }) => ({
      ...{ code: 'not-yet-valid' as const, item, notBefore, at },
    })),
  ]
}

function enclaveReasons(claims: EnclaveClaims, policy: Policy): Reason[] {
  const reasons: Reason[] = []
  if (!allows(policy.mrEnclaves, claims.mrEnclave)) {
    const wanted = policy.mrEnclaves
    reasons.push({ code: 'mrenclave-not-allowed', found: claims.mrEnclave, wanted })
  }
  if (!allows(policy.mrSigners, claims.mrSigner)) {
    const wanted = policy.mrSigners
    reasons.push({ code: 'mrsigner-not-allowed', found: claims.mrSigner, wanted })
  }
  if (policy.isvProdId !== 'any' && policy.isvProdId !== claims.isvProdId) {
    const wanted = policy.isvProdId
    reasons.push({ code: 'isvprodid-differs', found: claims.isvProdId, wanted })
  }
  if (!(claims.isvSvn >= policy.minIsvSvn)) {
    reasons.push({ code: 'isvsvn-too-low', found: claims.isvSvn, wanted: policy.minIsvSvn })
  }
  for (const field of ['configId', 'isvExtProdId', 'isvFamilyId'] satisfies KssIdentity[]) {
    const wanted = policy.kss?.[field] ?? 'any'
    const found = claims[field]
    if (!allows(wanted, found)) reasons.push({ code: 'identity-not-allowed', field, found, wanted })
  }
  const wantedSvn = policy.kss?.minConfigSvn ?? 0
  if (!(claims.configSvn >= wantedSvn)) {
    reasons.push({ code: 'configsvn-too-low', found: claims.configSvn, wanted: wantedSvn })
  }
  return reasons
}

function tdReasons(claims: TdClaims, policy: TdPolicy): Reason[] {
  const reasons: Reason[] = []
  for (const field of tdMeasurements) {
    const wanted = policy.measurements?.[field] ?? 'any'
    const found = measurementOf(claims, field)
    if (wanted === 'any' || (found !== undefined && allows(wanted, found))) continue
    reasons.push({ code: 'identity-not-allowed', field, found: found ?? 'absent', wanted })
  }
  const missing = (policy.requiredAttributes ?? 0n) & ~claims.tdAttributes
  if (missing !== 0n) reasons.push({ code: 'td-attributes-missing', bits: missing })
  const forbidden = (policy.forbiddenAttributes ?? 0n) & claims.tdAttributes
  if (forbidden !== 0n) reasons.push({ code: 'td-attributes-forbidden', bits: forbidden })
  return reasons
}

function measurementOf(claims: TdClaims, field: TdMeasurement): string | undefined {
  switch (field) {
    case 'rtmr0':
    case 'rtmr1':
    case 'rtmr2':
    case 'rtmr3':
      return claims.rtmrs[Number(field.at(-1))]
    case 'mrTd':
    case 'mrConfigId':
    case 'mrOwner':
    case 'mrOwnerConfig':
    case 'mrServiceTd':
    case 'mrSeam':
      return claims[field]
  }
}

function anyReasons({ claims }: Verified, policy: Policy): Reason[] {
  const reasons: Reason[] = []
  if (claims.debug && !policy.allowDebug) {
    reasons.push({ code: claims.tee === 'SGX' ? 'debug-enclave' : 'debug-td' })
  }
  const { reportData } = policy
  if (reportData !== undefined && !isReportData(claims.reportData, reportData)) {
    const found = claims.reportData.toHex()
    reasons.push({ code: 'report-data-differs', found, wanted: reportData.toHex() })
  }
  return reasons
}

function allows(allowed: Allowed, found: string): boolean {
  return allowed === 'any' || allowed.some(hex => hex.toLowerCase() === found)
}

function isReportData(found: Uint8Array, wanted: Uint8Array): boolean {
  const start = found.subarray(0, wanted.byteLength)
  const rest = found.subarray(wanted.byteLength)
  return equalBytes(start, wanted) && rest.every(byte => byte === 0)
}
