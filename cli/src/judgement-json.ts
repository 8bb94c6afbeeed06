import { type ModuleTcb, type PlatformTcb, reasonText, type Verified } from '@alcove/dcap'
import { attributeNames, tdAttributeNames } from '@alcove/sgx'
import { errorJson } from './exit.ts'
import { plainJson } from './inspect/row-json.ts'
import type { Judgement } from './judge.ts'

/**
 * The judgement as data, the same fields for every quote of a TEE; `error` where it did not verify.
 *
 * @param explain whether the checks that held are among them, in their order
 */
export function judgementJson(
  { steps, outcome }: Judgement,
  explain = false,
): Readonly<Record<string, unknown>> {
  const checks = explain ? { steps } : {}
  if ('failure' in outcome) return { ...errorJson(outcome.failure), ...checks }
  const { verified, verdict } = outcome
  const { claims } = verified
  const told = {
    ...checks,
    status: verified.status,
    trusted: verdict.trusted,
    reasons: verdict.trusted
      ? []
      : verdict.reasons.map(reason => ({ ...reason, message: reasonText(reason) })),
    advisories: verified.advisories,
    openAdvisories: verified.openAdvisories,
    at: verified.at,
    expired: verified.expired,
    notYetValid: verified.notYetValid,
    platformStatus: verified.platform.status,
    qeStatus: verified.qe.status,
    tdxModuleStatus: verified.tdxModule?.status,
    currentStatus: verified.current?.status,
    tcbDate: verified.tcbDate,
    tcbEvaluationDataNumber: verified.tcbEvaluationDataNumber,
    qeEvaluationDataNumber: verified.qeEvaluationDataNumber,
    earliestExpiry: verified.earliestExpiry,
    earliestItem: verified.earliestItem,
    fmspc: verified.fmspc,
    rootName: verified.rootName,
    pck: verified.pck,
    levels: levelsOf(verified),
    better: betterOf(verified),
    tee: claims.tee,
    ...(claims.tee === 'SGX'
      ? {
          mrEnclave: claims.mrEnclave,
          mrSigner: claims.mrSigner,
          isvProdId: claims.isvProdId,
          isvSvn: claims.isvSvn,
        }
      : { mrTd: claims.mrTd, rtmrs: claims.rtmrs }),
    debug: claims.debug,
    reportData: claims.reportData,
    claims: {
      ...claims,
      ...(claims.tee === 'SGX'
        ? { attributeNames: attributeNames(claims.attributes.flags) }
        : { tdAttributeNames: tdAttributeNames(claims.tdAttributes) }),
    },
  }
  return Object.fromEntries(Object.entries(told).map(([key, value]) => [key, plainJson(value)]))
}

/** What each part has, and the level that it reaches. */
function levelsOf({ platform, qe, tdxModule, current }: Verified): object {
  return {
    platform: platformLevel(platform),
    qe: moduleLevel(qe),
    tdxModule: tdxModule && moduleLevel(tdxModule),
    current: current && {
      platform: platformLevel(current.platform),
      tdxModule: current.tdxModule && moduleLevel(current.tdxModule),
    },
  }
}

function platformLevel({ svns, level }: PlatformTcb): object {
  return { svns, level }
}

function moduleLevel({ isvSvn, level }: ModuleTcb): object {
  return { isvSvn, level }
}

/** The levels above, best first, with what each part lacks for them. */
function betterOf({ platform, qe, tdxModule, current }: Verified): object {
  return {
    platform: platform.better,
    qe: qe.better,
    tdxModule: tdxModule?.better,
    current: current && { platform: current.platform.better, tdxModule: current.tdxModule?.better },
  }
}
