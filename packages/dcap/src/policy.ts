import type { TcbStatus } from './tcb-status.ts'

/** Hex, in either case; an empty list allows none. */
export type Allowed = readonly string[] | 'any'

/** What a relying party asks of a verified quote. */
export interface Policy {
  /** `Revoked` is not accepted though it be listed. */
  readonly acceptStatuses: readonly TcbStatus[]
  /** Which of Intel's advisories may be open, by name. */
  readonly allowAdvisories: readonly string[] | 'any'
  readonly allowExpired: boolean
  readonly allowNotYetValid: boolean
  /** Of TCB info and QE identity: how new Intel's evaluation has to be. */
  readonly minTcbEvaluationDataNumber: number
  /** From when on the TCB level has to be. */
  readonly minTcbDate?: Date
  readonly allowDebug: boolean
  readonly mrEnclaves: Allowed
  readonly mrSigners: Allowed
  readonly isvProdId: number | 'any'
  readonly minIsvSvn: number
  /** What enclaves with KSS have besides. */
  readonly kss?: KssPolicy
  /** Of a TD. */
  readonly td?: TdPolicy
  /** What REPORTDATA has to be, zeros after it up to 64 bytes. Left out: whatever it is. */
  readonly reportData?: Uint8Array
}

export interface KssPolicy extends Readonly<Partial<Record<KssIdentity, Allowed>>> {
  /** How new the enclave's configuration has to be. */
  readonly minConfigSvn?: number
}

export type KssIdentity = 'configId' | 'isvExtProdId' | 'isvFamilyId'

export interface TdPolicy {
  readonly measurements?: Readonly<Partial<Record<TdMeasurement, Allowed>>>
  /** Bits of TDATTRIBUTES that have to be set. */
  readonly requiredAttributes?: bigint
  /** Bits of TDATTRIBUTES that must not be set. */
  readonly forbiddenAttributes?: bigint
}

export type TdMeasurement = (typeof tdMeasurements)[number]

export const tdMeasurements = [
  'mrTd',
  'rtmr0',
  'rtmr1',
  'rtmr2',
  'rtmr3',
  'mrConfigId',
  'mrOwner',
  'mrOwnerConfig',
  'mrServiceTd',
  'mrSeam',
] as const

/** UpToDate, everything in its time, no DEBUG; any enclave and any TD. Say which is yours before you rely on it. */
export const defaultPolicy: Policy = {
  acceptStatuses: ['UpToDate'],
  allowAdvisories: 'any',
  allowExpired: false,
  allowNotYetValid: false,
  minTcbEvaluationDataNumber: 0,
  allowDebug: false,
  mrEnclaves: 'any',
  mrSigners: 'any',
  isvProdId: 'any',
  minIsvSvn: 0,
}
