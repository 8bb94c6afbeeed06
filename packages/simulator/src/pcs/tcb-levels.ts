import type { LevelStatus, ModuleStatus } from '@alcove/dcap'
import { firstPublication, type Publication } from './publication.ts'

/** One TCB level of the simulated TCB info: a platform is at the first level that it reaches in every component. */
export interface TcbLevel {
  readonly status: LevelStatus
  /** 16 component SVNs. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
  readonly tcbDate: string
  readonly advisories: readonly string[]
}

/** One level of the simulated QE identity. */
export interface QeLevel {
  readonly status: ModuleStatus
  readonly isvSvn: number
  readonly tcbDate: string
  readonly advisories: readonly string[]
}

const hardening = 'ALCOVE-SIM-SA-00001'
const configuration = 'ALCOVE-SIM-SA-00002'
const outOfDate = 'ALCOVE-SIM-SA-00003'
const revoked = 'ALCOVE-SIM-SA-00004'

/** ISVSVN of the quoting enclave that the first QE identity calls up to date. */
export const firstQeIsvSvn = 8
/** Component that counts the TCB recoveries that a platform's microcode has seen, from 0. */
const recoveryComponent = 2

/**
 * Every status once, best first. Components 1 and 2 fall by one from level to level and the other components are
 * zero, so a platform with exactly a level's SVNs reaches that level and none above it; one whose components are
 * zero reaches none.
 */
const firstLevels: readonly TcbLevel[] = [
  level('UpToDate', 7, 13, '2026-01-01', []),
  level('SWHardeningNeeded', 6, 13, '2026-01-01', [hardening]),
  level('ConfigurationNeeded', 5, 13, '2026-01-01', [configuration]),
  level('ConfigurationAndSWHardeningNeeded', 4, 13, '2026-01-01', [hardening, configuration]),
  level('OutOfDate', 3, 12, '2025-01-01', [hardening, outOfDate]),
  level('OutOfDateConfigurationNeeded', 2, 12, '2025-01-01', [hardening, configuration, outOfDate]),
  level('Revoked', 1, 11, '2024-01-01', [hardening, configuration, outOfDate, revoked]),
]

/** What a status becomes when a recovery has left its level behind; the others stay what they are. */
const leftBehind: Readonly<Partial<Record<LevelStatus, LevelStatus>>> = {
  UpToDate: 'OutOfDate',
  SWHardeningNeeded: 'OutOfDate',
  ConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  ConfigurationAndSWHardeningNeeded: 'OutOfDateConfigurationNeeded',
}

/**
 * The levels of the TCB info as it stands, best first. Each recovery has put four new ones above those before, with one
 * more in component 3, and made those out of date.
 */
export function tcbLevelsOf({ recoveries }: Publication): readonly TcbLevel[] {
  const all: TcbLevel[] = []
  for (let generation = recoveries.length; generation >= 0; generation--) {
    const isCurrent = generation === recoveries.length
    const since = recoveries.slice(generation).map(({ advisory }) => advisory)
    for (const first of firstLevels) {
      const demoted = leftBehind[first.status]
      if (demoted === undefined && generation > 0) continue
      all.push({
        ...first,
        status: isCurrent ? first.status : (demoted ?? first.status),
        cpuSvn: withGeneration(first.cpuSvn, demoted === undefined ? 0 : generation),
        tcbDate: recoveries[generation - 1]?.tcbDate ?? first.tcbDate,
        advisories: [...first.advisories, ...since],
      })
    }
  }
  return all
}

/** The levels of the QE identity as it stands, best first. Each recovery wants a QE of one more ISVSVN. */
export function qeLevelsOf({ recoveries }: Publication): readonly QeLevel[] {
  const levels: QeLevel[] = []
  for (let generation = recoveries.length; generation >= 0; generation--) {
    levels.push({
      status: generation === recoveries.length ? 'UpToDate' : 'OutOfDate',
      isvSvn: firstQeIsvSvn + generation,
      tcbDate: recoveries[generation - 1]?.tcbDate ?? levelOf('UpToDate').tcbDate,
      advisories: recoveries.slice(generation).map(({ advisory }) => advisory),
    })
  }
  for (const [status, isvSvn] of [
    ['OutOfDate', firstQeIsvSvn - 1],
    ['Revoked', 0],
  ] as const) {
    const { tcbDate, advisories } = levelOf(status)
    levels.push({ status, isvSvn, tcbDate, advisories })
  }
  return levels
}

/** Security versions of a platform. */
export interface PlatformSvns {
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
}

/** The SVNs of a simulated platform that comes out with this status under the TCB info as it stands. */
export function cpuSvnFor(
  status: LevelStatus,
  publication: Publication = firstPublication,
): { cpuSvn: Uint8Array; pceSvn: number } {
  return lowered(
    {
      cpuSvn: withGeneration(levelOf('UpToDate').cpuSvn, publication.recoveries.length),
      pceSvn: 13,
    },
    status,
  )
}

/** The same platform on microcode, or configured, as the level of `status` is: how many recoveries it has seen stays. */
export function lowered(
  { cpuSvn }: PlatformSvns,
  status: LevelStatus,
): { cpuSvn: Uint8Array; pceSvn: number } {
  const level = levelOf(status)
  return {
    cpuSvn: withGeneration(level.cpuSvn, cpuSvn[recoveryComponent] ?? 0),
    pceSvn: level.pceSvn,
  }
}

/** The newest QE's ISVSVN. */
export function currentQeIsvSvn({ recoveries }: Publication): number {
  return firstQeIsvSvn + recoveries.length
}

/** The ISVSVN of a QE that comes out with this status under the QE identity as it stands. */
export function qeIsvSvnFor(
  status: ModuleStatus,
  publication: Publication = firstPublication,
): number {
  const found = qeLevelsOf(publication).find(candidate => candidate.status === status)
  if (found === undefined) throw new TypeError(`no QE level has the status ${status}`)
  return status === 'Revoked' ? 1 : found.isvSvn
}

function levelOf(status: LevelStatus): TcbLevel {
  const found = firstLevels.find(candidate => candidate.status === status)
  if (found === undefined) throw new TypeError(`no TCB level has the status ${status}`)
  return found
}

function withGeneration(cpuSvn: Uint8Array, generation: number): Uint8Array {
  return cpuSvn.map((svn, index) => (index === recoveryComponent ? generation : svn))
}

function level(
  status: LevelStatus,
  svn: number,
  pceSvn: number,
  day: string,
  advisories: readonly string[],
): TcbLevel {
  const cpuSvn = new Uint8Array(16).fill(svn, 0, 2)
  return { status, cpuSvn, pceSvn, tcbDate: `${day}T00:00:00Z`, advisories }
}
