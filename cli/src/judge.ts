import {
  appraise,
  type Claims,
  type Collateral,
  createVerifier,
  type Policy,
  reasonText,
  type Step,
  type Verdict,
  type Verified,
  type Verifier,
  VerifyError,
} from '@alcove/dcap'
import { tdAttributesRow } from './inspect/attribute-rows.ts'
import { type Row, row } from './inspect/row.ts'
import { rowLines } from './inspect/row-lines.ts'
import { folded } from './plain-text.ts'

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
  { at, roots, policy }: { at: Date; roots: readonly Uint8Array[]; policy: Policy },
): Judgement {
  return judgeStepwise(quote, createVerifier(collateral, { roots }), { at, policy })
}

/** The same by a verifier that is there already: every step is made anew, and kept. */
export function judgeStepwise(
  quote: Uint8Array,
  verifier: Verifier,
  { at, policy }: { at: Date; policy: Policy },
): Judgement {
  const steps: Step[] = []
  return judged(steps, policy, () =>
    verifier.verify(quote, { at, onStep: step => steps.push(step) }),
  )
}

/** The same without the steps: what the verifier has found to hold, it does not check again. */
export function judgeQuickly(
  quote: Uint8Array,
  verifier: Verifier,
  { at, policy }: { at: Date; policy: Policy },
): Judgement {
  return judged([], policy, () => verifier.verify(quote, { at }))
}

function judged(steps: readonly Step[], policy: Policy, verify: () => Verified): Judgement {
  try {
    const verified = verify()
    return { steps, outcome: { verified, verdict: appraise(verified, policy) } }
  } catch (error) {
    if (error instanceof VerifyError) return { steps, outcome: { failure: error } }
    throw error
  }
}

export function isTrusted({ outcome }: Judgement): boolean {
  return 'verdict' in outcome && outcome.verdict.trusted
}

/** The judgement in lines for a terminal, without the indentation of its surroundings. */
export function judgementLines(judgement: Judgement): string[] {
  const { outcome } = judgement
  const lines = stepLines(judgement)
  if ('failure' in outcome) return [...lines, '', ...verdictLines(judgement)]
  const { verified } = outcome
  const { advisories } = verified
  if (advisories.length > 0) lines.push(...fact('  advisories', advisories.toSorted().join(', ')))
  const late = [...verified.expired, ...verified.notYetValid].map(({ item }) => item)
  if (late.length > 0) lines.push(...fact('  out of its time', late.join(', ')))
  return [...lines, ...rowLines(identityRows(verified.claims), 2), '', ...verdictLines(judgement)]
}

/** The steps that held, and the one that did not. */
export function stepLines({ steps, outcome }: Judgement): string[] {
  const lines = steps.flatMap(({ name, detail }) => fact(`✓ ${name}`, detail))
  if (!('failure' in outcome)) return lines
  const { message, code } = outcome.failure
  return [...lines, ...folded(`${message} (${code})`, '✗ ').split('\n')]
}

/** Whether to believe it, with every reason why not. */
export function verdictLines({ outcome }: Judgement): string[] {
  if ('failure' in outcome) {
    const hint = `docs/errors.md says what ${outcome.failure.code} comes from, and what helps`
    return ['REFUSED: this quote does not verify', ...folded(hint, '  ').split('\n')]
  }
  const { verified, verdict } = outcome
  if (verdict.trusted) return [`ACCEPTED: TCB status ${verified.status}`]
  return [
    `REFUSED: TCB status ${verified.status}; the policy says no:`,
    ...verdict.reasons.flatMap(reason => folded(reasonText(reason), '  - ').split('\n')),
  ]
}

/** Whom the quote is about, in short. */
function identityRows(claims: Claims): Row[] {
  if (claims.tee === 'SGX') {
    return [
      row('mrEnclave', 'MRENCLAVE', claims.mrEnclave),
      row('mrSigner', 'MRSIGNER', claims.mrSigner),
      row('isvProdId', 'ISVPRODID', claims.isvProdId),
      row('isvSvn', 'ISVSVN', claims.isvSvn),
      row('reportData', 'REPORTDATA', claims.reportData),
    ]
  }
  const bytes = (hex: string) => Uint8Array.fromHex(hex)
  return [
    row('mrTd', 'MRTD', bytes(claims.mrTd)),
    ...claims.rtmrs.map((rtmr, index) => row(`rtmr${index}`, `RTMR${index}`, bytes(rtmr))),
    row('mrConfigId', 'MRCONFIGID', bytes(claims.mrConfigId)),
    row('mrOwner', 'MROWNER', bytes(claims.mrOwner)),
    tdAttributesRow('tdAttributes', 'TDATTRIBUTES', claims.tdAttributes),
    row('reportData', 'REPORTDATA', claims.reportData),
  ]
}

function fact(name: string, text: string): string[] {
  return folded(text, `${name.padEnd(22)} `).split('\n')
}
