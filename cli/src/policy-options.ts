import {
  defaultPolicy,
  type LevelStatus,
  levelStatuses,
  type Policy,
  tcbStatuses,
} from '@alcove/dcap'
import { UsageError } from './exit.ts'

/** What flags say of a policy. */
export interface PolicyOptions {
  readonly accept?: string
  readonly allowExpired?: boolean
  readonly allowDebug?: boolean
  readonly mrenclave?: string
  readonly mrsigner?: string
}

/**
 * A policy, the default one or a file's, with the flags on top: they add statuses, allow, and name enclaves in place of those that
 * the policy names.
 */
export function policyOf(options: PolicyOptions, base: Policy = defaultPolicy): Policy {
  const accepted = options.accept?.split(',').map(one => parseOneOf(tcbStatuses, one)) ?? []
  if (accepted.includes('Revoked')) {
    throw new UsageError('--accept Revoked: a revoked platform is never accepted')
  }
  return {
    ...base,
    acceptStatuses: [...new Set([...base.acceptStatuses, ...accepted])],
    allowExpired: options.allowExpired ?? base.allowExpired,
    allowDebug: options.allowDebug ?? base.allowDebug,
    mrEnclaves: measurements('--mrenclave', options.mrenclave) ?? base.mrEnclaves,
    mrSigners: measurements('--mrsigner', options.mrsigner) ?? base.mrSigners,
  }
}

function measurements(flag: string, text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  const hex = text.toLowerCase().split(',')
  if (hex.every(one => /^[0-9a-f]{64}$/.test(one))) return hex
  throw new UsageError(`${flag} '${text}': want 64 hex digits, or several with commas between`)
}

/** The status of a TCB level by its name. @throws {UsageError} naming them all */
export function parseLevelStatus(text: string): LevelStatus {
  return parseOneOf(levelStatuses, text)
}

function parseOneOf<Status extends string>(statuses: readonly Status[], text: string): Status {
  const status = statuses.find(one => one === text.trim())
  if (status !== undefined) return status
  throw new UsageError(`'${text}' is no TCB status; the statuses are ${statuses.join(', ')}`)
}
