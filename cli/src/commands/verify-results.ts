import { CodedError } from '@alcove/bytes'
import { Exit } from '../exit.ts'
import { isTrusted, type Judgement } from '../judge.ts'
import { plainText } from '../plain-text.ts'

/** What became of one of several quotes: a judgement, or why there is none. */
export type Result = { readonly path: string } & (
  | { readonly judgement: Judgement }
  | { readonly error: CodedError }
)

/** One line, however long: `PATH: accepted, UpToDate`. */
export function resultLine(result: Result): string {
  const told = 'error' in result ? `unreadable: ${result.error.code}` : toldOf(result.judgement)
  return plainText(`${result.path}: ${told}`)
}

function toldOf({ outcome }: Judgement): string {
  if ('failure' in outcome) return `refused: ${outcome.failure.code}`
  const { verified, verdict } = outcome
  if (verdict.trusted) return `accepted, ${verified.status}`
  const codes = [...new Set(verdict.reasons.map(({ code }) => code))]
  return `refused, ${verified.status}: ${codes.join(', ')}`
}

/** `3 quotes: 2 accepted, 1 refused` */
export function summaryLine(results: readonly Result[]): string {
  const unreadable = results.filter(result => 'error' in result).length
  const accepted = results.filter(isAccepted).length
  const refused = results.length - accepted - unreadable
  const rest = unreadable === 0 ? '' : `, ${unreadable} unreadable`
  return `${results.length} quotes: ${accepted} accepted, ${refused} refused${rest}`
}

/** As of one quote: the worst of them decides, and a quote that could not be read is the worst. */
export function resultsExitCode(results: readonly Result[]): number {
  if (results.some(result => 'error' in result)) return Exit.failed
  return results.every(isAccepted) ? Exit.ok : Exit.refused
}

function isAccepted(result: Result): boolean {
  return 'judgement' in result && isTrusted(result.judgement)
}

/** What `judge` answers, or how it could not. */
export async function resultOf(path: string, judge: () => Promise<Judgement>): Promise<Result> {
  try {
    return { path, judgement: await judge() }
  } catch (error) {
    if (error instanceof CodedError) return { path, error }
    throw error
  }
}
