import type { Tee } from '@alcove/sgx'
import type { Allowed, KssIdentity, TdMeasurement } from './policy.ts'
import type { TcbStatus } from './tcb-status.ts'

/** Why a verified quote was refused. */
export type Reason =
  | {
      readonly code: 'tcb-status-not-accepted'
      readonly found: TcbStatus
      readonly wanted: readonly TcbStatus[]
      readonly advisories: readonly string[]
    }
  | {
      readonly code: 'expired'
      readonly item: string
      readonly notAfter: Date
      readonly at: Date
    }
  | {
      readonly code: 'not-yet-valid'
      readonly item: string
      readonly notBefore: Date
      readonly at: Date
    }
  | { readonly code: 'advisory-not-allowed'; readonly found: string }
  | {
      readonly code: 'evaluation-too-old'
      readonly part: 'TCB info' | 'QE identity'
      readonly found: number
      readonly wanted: number
    }
  | { readonly code: 'tcb-date-too-early'; readonly found: Date; readonly wanted: Date }
  | { readonly code: 'tee-not-accepted'; readonly found: Tee; readonly wanted: readonly Tee[] }
  | { readonly code: 'debug-enclave' | 'debug-td' }
  | {
      readonly code: 'mrenclave-not-allowed' | 'mrsigner-not-allowed'
      readonly found: string
      readonly wanted: Allowed
    }
  | {
      readonly code: 'identity-not-allowed'
      readonly field: KssIdentity | TdMeasurement
      readonly found: string
      readonly wanted: Allowed
    }
  | {
      readonly code: 'td-attributes-missing' | 'td-attributes-forbidden'
      /** Which of those that the policy names. */
      readonly bits: bigint
    }
  | {
      readonly code: 'isvprodid-differs' | 'isvsvn-too-low' | 'configsvn-too-low'
      readonly found: number
      readonly wanted: number
    }
  | { readonly code: 'report-data-differs'; readonly found: string; readonly wanted: string }

export type ReasonCode = Reason['code']

/** One line for a person: what was found, and what can be done. */
export function reasonText(reason: Reason): string {
  switch (reason.code) {
    case 'tcb-status-not-accepted':
      return statusText(reason.found, reason.wanted, reason.advisories)
    case 'expired':
      return `${reason.item} ended on ${second(reason.notAfter)}, before ${second(reason.at)}: use collateral of the time, or allow expired items`
    case 'not-yet-valid':
      return `${reason.item} starts on ${second(reason.notBefore)}, after ${second(reason.at)}: check the clock, or use collateral of the time`
    case 'advisory-not-allowed':
      return `${reason.found} is open on this platform, and the policy does not allow it: update the platform, or allow it by name`
    case 'evaluation-too-old':
      return `the ${reason.part} is of evaluation ${reason.found}, the policy wants ${reason.wanted} or later: fetch newer collateral`
    case 'tcb-date-too-early':
      return `the TCB level is of ${second(reason.found)}, the policy wants ${second(reason.wanted)} or later: update the platform`
    case 'tee-not-accepted':
      return `the quote is of ${reason.found}, and the policy asks only for ${reason.wanted.join(' and ')}: state what it asks of ${reason.found}`
    case 'debug-td':
      return 'the TD is under debug, its memory can be read from outside: launch it without'
    case 'identity-not-allowed':
      return `${fieldName(reason.field)} ${reason.found} is not allowed: add it to the policy if it is yours`
    case 'td-attributes-missing':
      return `TDATTRIBUTES lack ${hexBits(reason.bits)}, which the policy requires: launch the TD with them`
    case 'td-attributes-forbidden':
      return `TDATTRIBUTES have ${hexBits(reason.bits)}, which the policy forbids: launch the TD without them`
    case 'debug-enclave':
      return 'the enclave runs in DEBUG mode, its memory can be read from outside: build and sign it for production'
    case 'mrenclave-not-allowed':
      return `MRENCLAVE ${reason.found} is not allowed: add it to the policy if this build is yours`
    case 'mrsigner-not-allowed':
      return `MRSIGNER ${reason.found} is not allowed: add it to the policy if this signer is yours`
    case 'isvprodid-differs':
      return `ISVPRODID is ${reason.found}, the policy wants ${reason.wanted}: this is another product of the signer`
    case 'isvsvn-too-low':
      return `ISVSVN is ${reason.found}, the policy wants at least ${reason.wanted}: run a newer build of the enclave`
    case 'configsvn-too-low':
      return `CONFIGSVN is ${reason.found}, the policy wants at least ${reason.wanted}: run the enclave with a newer configuration`
    case 'report-data-differs':
      return `REPORTDATA is ${reason.found}, the policy wants ${reason.wanted}: the quote is not for this key or challenge`
  }
}

const remedies: Readonly<Record<TcbStatus, string>> = {
  UpToDate: 'the policy does not accept even this',
  SWHardeningNeeded:
    'build the enclave with the mitigations of the advisories, then accept this status',
  ConfigurationNeeded: 'change the BIOS configuration as the advisories say',
  ConfigurationAndSWHardeningNeeded:
    'change the BIOS configuration, and build the enclave with the mitigations of the advisories',
  OutOfDate: 'update the BIOS or microcode, and the platform software',
  OutOfDateConfigurationNeeded: 'update the BIOS or microcode, and change its configuration',
  Revoked: 'do not trust this platform',
  TDRelaunchAdvised: 'the platform is good again: launch the TD anew',
  TDRelaunchAdvisedConfigurationNeeded:
    'change the configuration as the advisories say, and launch the TD anew',
}

function statusText(
  found: TcbStatus,
  wanted: readonly TcbStatus[],
  advisories: readonly string[],
): string {
  const open = advisories.length === 0 ? '' : ` (${advisories.join(', ')})`
  const accepted = wanted.length === 0 ? 'none' : wanted.join(', ')
  return `the TCB status is ${found}${open}, the policy accepts ${accepted}: ${remedies[found]}`
}

/** A policy may have a date that is none: it refuses, and is told too. */
function second(date: Date): string {
  if (Number.isNaN(date.getTime())) return 'a time that is none'
  return date.toISOString().replace('.000Z', 'Z')
}

function fieldName(field: KssIdentity | TdMeasurement): string {
  return field.toUpperCase()
}

function hexBits(bits: bigint): string {
  return `0x${bits.toString(16)}`
}
