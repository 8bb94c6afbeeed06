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
    super(code, problems.map(({ field, detail }) => `${field}: ${detail}`).join('; '), options)
    this.problems = problems
  }
}
