/** How far a platform is behind what Intel asks for, in Intel's words. */
export type TcbStatus = (typeof tcbStatuses)[number]

export const tcbStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const

/** What Intel says of a quoting enclave's version. */
export type QeStatus = (typeof qeStatuses)[number]

export const qeStatuses = ['UpToDate', 'OutOfDate', 'Revoked'] as const

/**
 * One status for a platform and its quoting enclave. A revoked part revokes all; an out-of-date QE makes a good platform out
 * of date, and keeps its need for configuration.
 *
 * @see docs/formats/tcb-info.md
 */
export function convergeStatus(platform: TcbStatus, qe: QeStatus): TcbStatus {
  if (qe === 'Revoked') return 'Revoked'
  return qe === 'OutOfDate' ? outOfDate[platform] : platform
}

const outOfDate: Readonly<Record<TcbStatus, TcbStatus>> = {
  UpToDate: 'OutOfDate',
  SWHardeningNeeded: 'OutOfDate',
  ConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  ConfigurationAndSWHardeningNeeded: 'OutOfDateConfigurationNeeded',
  OutOfDate: 'OutOfDate',
  OutOfDateConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  Revoked: 'Revoked',
}
