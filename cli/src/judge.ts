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
import { wrapped } from './wrap.ts'

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
  const lines = steps.map(({ name, detail }) => fact(`✓ ${name}`, detail))
  if ('failure' in outcome) {
    const { message, code } = outcome.failure
    lines.push(wrapped(`${message} (${code})`, '✗ '), '', 'REFUSED: this quote does not verify')
    return lines.flatMap(line => line.split('\n'))
  }
  const { verified, verdict } = outcome
  const { advisories, claims } = verified
  if (advisories.length > 0) lines.push(fact('  advisories', advisories.toSorted().join(', ')))
  const late = [...verified.expired, ...verified.notYetValid].map(({ item }) => item)
  if (late.length > 0) lines.push(fact('  out of its time', late.join(', ')))
  if (claims.tee === 'SGX') {
    lines.push(`  MRENCLAVE  ${claims.mrEnclave}`, `  MRSIGNER   ${claims.mrSigner}`, '')
  } else lines.push(wrapped(claims.mrTd, '  MRTD       '), '')
  if (verdict.trusted) lines.push(`ACCEPTED: TCB status ${verified.status}`)
  else {
    lines.push(`REFUSED: TCB status ${verified.status}; the policy says no:`)
    for (const reason of verdict.reasons) lines.push(wrapped(reasonText(reason), '  - '))
  }
  return lines.flatMap(line => line.split('\n'))
}

function fact(name: string, text: string): string {
  return wrapped(text, `${name.padEnd(22)} `)
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
    platformStatus: verified.platform.status,
    qeStatus: verified.qe.status,
    tdxModuleStatus: verified.tdxModule?.status,
    tcbDate: verified.tcbDate,
    earliestExpiry: verified.earliestExpiry,
    fmspc: verified.fmspc,
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
    reportData: claims.reportData.toHex(),
  }
}
