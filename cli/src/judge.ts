import {
  appraise,
  type Collateral,
  type Policy,
  reasonText,
  type Step,
  type Verdict,
  type Verified,
  VerifyError,
  verify,
} from '@alcove/dcap'
import { errorJson } from './exit.ts'

/** What became of a quote: the steps that held, then either a verdict or the step that did not hold. */
export interface Judgement {
  readonly steps: readonly Step[]
  readonly outcome:
    | { readonly verified: Verified; readonly verdict: Verdict }
    | { readonly failure: VerifyError }
}

/** Verifies and appraises, and keeps the steps for a person to read. Malformed input throws. */
export function judge(
  quote: Uint8Array,
  collateral: Collateral,
  options: { at: Date; roots: readonly Uint8Array[]; policy: Policy },
): Judgement {
  const steps: Step[] = []
  try {
    const { at, roots } = options
    const verified = verify(quote, collateral, { at, roots, onStep: step => steps.push(step) })
    return { steps, outcome: { verified, verdict: appraise(verified, options.policy) } }
  } catch (error) {
    if (error instanceof VerifyError) return { steps, outcome: { failure: error } }
    throw error
  }
}

export function isTrusted({ outcome }: Judgement): boolean {
  return 'verdict' in outcome && outcome.verdict.trusted
}

/** The judgement in lines for a terminal, without the indentation of its surroundings. */
export function judgementLines({ steps, outcome }: Judgement): string[] {
  const lines = steps.map(({ name, detail }) => `✓ ${name.padEnd(20)} ${detail}`)
  if ('failure' in outcome) {
    return [
      ...lines,
      `✗ ${outcome.failure.message} (${outcome.failure.code})`,
      '',
      'REFUSED: this quote does not verify',
    ]
  }
  const { verified, verdict } = outcome
  if (verified.advisories.length > 0)
    lines.push(`  advisories           ${verified.advisories.join(', ')}`)
  lines.push('')
  if (verdict.trusted) return [...lines, `ACCEPTED: TCB status ${verified.status}`]
  const reasons = verdict.reasons.map(reason => `  - ${reasonText(reason)}`)
  return [...lines, `REFUSED: TCB status ${verified.status}; the policy says no:`, ...reasons]
}

/** The judgement as data, the same fields for every quote; `error` where it did not verify. */
export function judgementJson({ outcome }: Judgement): Readonly<Record<string, unknown>> {
  if ('failure' in outcome) return errorJson(outcome.failure)
  const { verified, verdict } = outcome
  const { claims } = verified
  return {
    status: verified.status,
    trusted: verdict.trusted,
    reasons: verdict.trusted
      ? []
      : verdict.reasons.map(reason => ({ ...reason, message: reasonText(reason) })),
    advisories: verified.advisories,
    expired: verified.expired,
    notYetValid: verified.notYetValid,
    platformStatus: verified.platformStatus,
    qeStatus: verified.qeStatus,
    tcbDate: verified.tcbDate,
    earliestExpiry: verified.earliestExpiry,
    fmspc: verified.fmspc,
    mrEnclave: claims.mrEnclave,
    mrSigner: claims.mrSigner,
    isvProdId: claims.isvProdId,
    isvSvn: claims.isvSvn,
    debug: claims.debug,
    reportData: claims.reportData.toHex(),
  }
}
