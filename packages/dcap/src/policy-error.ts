import { CodedError } from '@alcove/bytes'

export type PolicyErrorCode = 'ERR_POLICY_FORMAT' | 'ERR_POLICY_VALUE' | 'ERR_POLICY_TOO_LARGE'

/** One thing that is wrong in a policy file. */
export interface PolicyProblem {
  /** Dotted path: `policy.td.measurements.mrTd.0`. */
  readonly field: string
  /** What was found, and what to write in its place. */
  readonly detail: string
}

/** A policy that cannot be read: it decides nothing. Every problem is listed at once. */
export class PolicyError extends CodedError<PolicyErrorCode> {
  readonly problems: readonly PolicyProblem[]

  constructor(code: PolicyErrorCode, problems: readonly PolicyProblem[], options?: ErrorOptions) {
    const told = problems
      .slice(0, MOST_TOLD)
      .map(({ field, detail }) => `${shortened(field)}: ${detail}`)
    const more = problems.length - told.length
    super(code, [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; '), options)
    this.problems = problems
  }
}

const MOST_TOLD = 50
const LONGEST_FIELD = 128

/** A key that is not known may be of any length. */
function shortened(field: string): string {
  return field.length <= LONGEST_FIELD ? field : `${field.slice(0, LONGEST_FIELD)}…`
}
