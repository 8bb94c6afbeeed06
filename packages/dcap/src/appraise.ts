import { equalBytes } from '@alcove/bytes'
import type { Claims } from './claims.ts'
import type { Reason } from './reason.ts'
import type { TcbStatus } from './tcb-status.ts'
import type { Verified } from './verify.ts'

/** What a relying party asks of a verified quote. */
export interface Policy {
  readonly acceptStatuses: readonly TcbStatus[]
  readonly allowExpired: boolean
  readonly allowNotYetValid: boolean
  readonly allowDebug: boolean
  /** Hex; an empty list allows none. */
  readonly mrEnclaves: readonly string[] | 'any'
  /** Hex; an empty list allows none. */
  readonly mrSigners: readonly string[] | 'any'
  readonly isvProdId: number | 'any'
  readonly minIsvSvn: number
  /** What REPORTDATA has to be, zeros after it up to 64 bytes. Left out: whatever it is. */
  readonly reportData?: Uint8Array
}

export type Verdict =
  | { readonly trusted: true }
  | { readonly trusted: false; readonly reasons: readonly Reason[] }

/** UpToDate, everything in its time, no DEBUG; any enclave. Say which enclave is yours before you rely on it. */
export const defaultPolicy: Policy = {
  acceptStatuses: ['UpToDate'],
  allowExpired: false,
  allowNotYetValid: false,
  allowDebug: false,
  mrEnclaves: 'any',
  mrSigners: 'any',
  isvProdId: 'any',
  minIsvSvn: 0,
}

/**
 * Compares a verified quote with a policy. A refusal is an answer, not an error: it lists every reason, so that an operator
 * fixes the policy, or the platform, once.
 */
export function appraise(verified: Verified, policy: Policy): Verdict {
  const reasons = [...platformReasons(verified, policy), ...enclaveReasons(verified.claims, policy)]
  return reasons.length === 0 ? { trusted: true } : { trusted: false, reasons }
}

function platformReasons(verified: Verified, policy: Policy): Reason[] {
  const { status, advisories, at } = verified
  const reasons: Reason[] = []
  if (!policy.acceptStatuses.includes(status)) {
    const wanted = policy.acceptStatuses
    reasons.push({ code: 'tcb-status-not-accepted', found: status, wanted, advisories })
  }
  if (!policy.allowExpired) {
    for (const { item, notAfter } of verified.expired) {
      reasons.push({ code: 'expired', item, notAfter, at })
    }
  }
  if (!policy.allowNotYetValid) {
    for (const { item, notBefore } of verified.notYetValid) {
      reasons.push({ code: 'not-yet-valid', item, notBefore, at })
    }
  }
  return reasons
}

function enclaveReasons(claims: Claims, policy: Policy): Reason[] {
  const reasons: Reason[] = []
  if (claims.debug && !policy.allowDebug) reasons.push({ code: 'debug-enclave' })
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
  // Negated, so that a minimum that is no number refuses.
  if (!(claims.isvSvn >= policy.minIsvSvn)) {
    reasons.push({ code: 'isvsvn-too-low', found: claims.isvSvn, wanted: policy.minIsvSvn })
  }
  const { reportData } = policy
  if (reportData !== undefined && !isReportData(claims.reportData, reportData)) {
    const found = claims.reportData.toHex()
    reasons.push({ code: 'report-data-differs', found, wanted: reportData.toHex() })
  }
  return reasons
}

function allows(allowed: readonly string[] | 'any', found: string): boolean {
  return allowed === 'any' || allowed.some(hex => hex.toLowerCase() === found)
}

function isReportData(found: Uint8Array, wanted: Uint8Array): boolean {
  const start = found.subarray(0, wanted.byteLength)
  const rest = found.subarray(wanted.byteLength)
  return equalBytes(start, wanted) && rest.every(byte => byte === 0)
}
