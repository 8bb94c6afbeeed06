import type { Fact } from './fact.ts'

export type Condition = Met | Unmet

export interface Met {
  readonly name: ConditionName
  readonly met: true
  /** For a person. */
  readonly found: string
  readonly source: string
}

export interface Unmet {
  readonly name: ConditionName
  /** `unknown` does not count as met. */
  readonly met: false | 'unknown'
  readonly found: string
  readonly source: string
  /** What to do, for a person. */
  readonly remedy: string
}

export type ConditionName =
  | 'cpu-sgx'
  | 'cpu-launch-control'
  | 'firmware'
  | 'kernel-driver'
  | 'enclave-device'
  | 'provision-device'
  | 'epc'
  | 'fsgsbase'
  | 'dev-exec'
  | 'list-size'

export function met(name: ConditionName, fact: Fact<unknown>, found: string): Met {
  return { name, met: true, found, source: fact.source }
}

export function unmet(
  name: ConditionName,
  fact: Pick<Fact<unknown>, 'source'>,
  found: string,
  remedy: string,
): Unmet {
  return { name, met: false, found, source: fact.source, remedy }
}

/** @param remedy where the fact is not kept from this user, who would then be told to run as root */
export function unknown(name: ConditionName, fact: Fact<unknown>, remedy: string): Unmet {
  const kept = 'absence' in fact && fact.absence === 'not-permitted'
  return {
    name,
    met: 'unknown',
    found: absenceText(fact),
    source: fact.source,
    remedy: kept && !remedy.startsWith(referral) ? 'run as root' : remedy,
  }
}

/** A remedy that would be of no use before an earlier condition is met. */
export function afterFirst(earlier: readonly Condition[], remedy: string): string {
  const cause = earlier.find(condition => condition.met === false)
  return cause === undefined ? remedy : `${referral}${cause.name}`
}

const referral = 'first see '

/** Whether a condition is not met only because an earlier one is not: its remedy says which. */
export function isConsequence({ remedy }: Unmet): boolean {
  return remedy.startsWith(referral)
}

/** Why a fact is not known, for a person. */
export function absenceText(fact: Fact<unknown>): string {
  if (!('absence' in fact)) return ''
  switch (fact.absence) {
    case 'no-such-file':
      return 'no such file'
    case 'not-permitted':
      return 'not permitted to this user'
    case 'not-stated':
      return 'not stated'
    case 'not-asked':
      return 'not asked'
    default:
      return fact.absence satisfies never
  }
}
