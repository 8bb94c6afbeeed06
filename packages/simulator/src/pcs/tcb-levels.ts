import type { TcbStatus } from '@alcove/dcap'

/** One TCB level of the simulated TCB info: a platform is at the first level that it reaches in every component. */
export interface TcbLevel {
  readonly status: TcbStatus
  /** 16 component SVNs. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
  readonly tcbDate: string
  readonly advisories: readonly string[]
}

const hardening = 'ALCOVE-SIM-SA-00001'
const configuration = 'ALCOVE-SIM-SA-00002'
const outOfDate = 'ALCOVE-SIM-SA-00003'
const revoked = 'ALCOVE-SIM-SA-00004'

/**
 * Every status once, best first. Components 1 and 2 fall by one from level to level and the other components are
 * zero, so a platform with exactly a level's SVNs reaches that level and none above it; one whose components are
 * zero reaches none.
 */
export const tcbLevels: readonly TcbLevel[] = [
  level('UpToDate', 7, 13, '2026-01-01', []),
  level('SWHardeningNeeded', 6, 13, '2026-01-01', [hardening]),
  level('ConfigurationNeeded', 5, 13, '2026-01-01', [configuration]),
  level('ConfigurationAndSWHardeningNeeded', 4, 13, '2026-01-01', [hardening, configuration]),
  level('OutOfDate', 3, 12, '2025-01-01', [hardening, outOfDate]),
  level('OutOfDateConfigurationNeeded', 2, 12, '2025-01-01', [hardening, configuration, outOfDate]),
  level('Revoked', 1, 11, '2024-01-01', [hardening, configuration, outOfDate, revoked]),
]

/** The SVNs of a simulated platform that comes out with this status under the simulated TCB info. */
export function cpuSvnFor(status: TcbStatus): { cpuSvn: Uint8Array; pceSvn: number } {
  const { cpuSvn, pceSvn } = levelOf(status)
  return { cpuSvn: Uint8Array.from(cpuSvn), pceSvn }
}

export function levelOf(status: TcbStatus): TcbLevel {
  const found = tcbLevels.find(candidate => candidate.status === status)
  if (found === undefined) throw new TypeError(`no TCB level has the status ${status}`)
  return found
}

function level(
  status: TcbStatus,
  svn: number,
  pceSvn: number,
  day: string,
  advisories: readonly string[],
): TcbLevel {
  const cpuSvn = new Uint8Array(16).fill(svn, 0, 2)
  return { status, cpuSvn, pceSvn, tcbDate: `${day}T00:00:00Z`, advisories }
}
