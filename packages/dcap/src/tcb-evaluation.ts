import type { Quote, TdReportBody } from '@alcove/sgx'
import { type BetterLevel, betterModuleLevels, betterPlatformLevels } from './better-level.ts'
import { copyOfModuleLevel, type ModuleLevel, moduleLevel } from './module-level.ts'
import type { PckCertificate } from './pck-certificate.ts'
import type { QeIdentity } from './qe-identity.ts'
import type { TcbInfo } from './tcb-info.ts'
import {
  copyOfSvns,
  copyOfTcbLevel,
  type PlatformSvns,
  platformLevel,
  type TcbLevel,
} from './tcb-level.ts'
import {
  convergeStatus,
  type LevelStatus,
  type ModuleStatus,
  relaunchStatus,
  type TcbStatus,
} from './tcb-status.ts'
import { tdxModuleOf } from './tdx-module.ts'
import { VerifyError } from './verify-error.ts'

/** How good a platform and what runs on it are, by Intel's lists. */
export interface TcbEvaluation {
  /** Of all parts together. */
  readonly status: TcbStatus
  readonly platform: PlatformTcb
  readonly qe: ModuleTcb
  /** Of a TD, where the TDX module has levels of its own, which it has from major version 1 on. As of the TD's launch. */
  readonly tdxModule: ModuleTcb | undefined
  /** What a TD runs on now, where its report says so, as it does from version 1.5 on. The other parts are as of its launch. */
  readonly current: CurrentTcb | undefined
  /** Intel's security advisories that are open at these levels, each once. */
  readonly advisories: readonly string[]
  /** The same, with the part whose level brings each. */
  readonly openAdvisories: readonly OpenAdvisory[]
  /** The date of the level of whichever part is the earliest. */
  readonly tcbDate: Date
}

export interface PlatformTcb {
  readonly status: LevelStatus
  /** What the PCK certificate says of the platform; of a TD, with the TDX components that its report says. */
  readonly svns: PlatformSvns
  readonly level: TcbLevel
  /** Worked out when it is asked for, by a getter of the class: `JSON.stringify` and `{ ...platform }` leave it out. */
  readonly better: readonly BetterLevel<TcbLevel>[]
}

export interface ModuleTcb {
  readonly status: ModuleStatus
  readonly isvSvn: number
  readonly level: ModuleLevel
  /** As that of a platform. */
  readonly better: readonly BetterLevel<ModuleLevel>[]
}

export interface CurrentTcb {
  readonly status: LevelStatus
  readonly platform: PlatformTcb
  readonly tdxModule: ModuleTcb | undefined
}

export interface OpenAdvisory {
  readonly id: string
  readonly part: 'platform' | 'qe' | 'tdx-module'
  /** Of the level that brings it. */
  readonly tcbDate: Date
}

/** What a quote is judged by. */
export interface Standards {
  readonly pck: PckCertificate
  readonly tcbInfo: TcbInfo
  readonly qeIdentity: QeIdentity
}

/**
 * The platform is judged by the SVNs of its PCK certificate, the QE by the ISVSVN of its report, a TD's module by the TD's report.
 *
 * @throws {VerifyError} `ERR_VERIFY_TCB_NOT_SUPPORTED` for a part below every level: an error, not "out of date"
 * @see docs/formats/tcb-info.md
 */
export function evaluateTcb(quote: Quote, { pck, tcbInfo, qeIdentity }: Standards): TcbEvaluation {
  const qe = moduleTcb(qeIdentity.tcbLevels, quote.qeReport.isvSvn, 'QE', pck)
  if (quote.tee === 'SGX') {
    const platform = platformTcb(tcbInfo, pck, { ...svnsOf(pck) })
    const status = convergeStatus(platform.status, qe.status)
    return { status, ...evaluation({ platform, qe }), tdxModule: undefined, current: undefined }
  }
  const launch = tdTcb(quote.body.teeTcbSvn, tcbInfo, pck)
  const { platform, tdxModule } = launch
  const current = currentTcb(quote.body, { pck, tcbInfo, qe })
  const status = converged(launch, qe)
  return {
    status: current === undefined ? status : relaunchStatus(status, current.status),
    ...evaluation({ platform, qe, tdxModule }),
    tdxModule,
    current,
  }
}

function evaluation(parts: {
  readonly platform: PlatformTcb
  readonly qe: ModuleTcb
  readonly tdxModule?: ModuleTcb | undefined
}): Pick<TcbEvaluation, 'platform' | 'qe' | 'advisories' | 'openAdvisories' | 'tcbDate'> {
  const { platform, qe, tdxModule } = parts
  const openAdvisories = [
    ...opened('platform', platform.level),
    ...opened('qe', qe.level),
    ...(tdxModule === undefined ? [] : opened('tdx-module', tdxModule.level)),
  ]
  const dates = [platform.level.tcbDate.getTime(), qe.level.tcbDate.getTime()]
  if (tdxModule !== undefined) dates.push(tdxModule.level.tcbDate.getTime())
  return {
    platform,
    qe,
    advisories: [...new Set(openAdvisories.map(({ id }) => id))],
    openAdvisories,
    tcbDate: new Date(Math.min(...dates)),
  }
}

function opened(
  part: OpenAdvisory['part'],
  { advisories, tcbDate }: TcbLevel | ModuleLevel,
): OpenAdvisory[] {
  return advisories.map(id => ({ id, part, tcbDate }))
}

/** For giving out: whatever is done to it changes neither the original nor the levels that it was found in. */
export function copyOfEvaluation(tcb: TcbEvaluation): TcbEvaluation {
  const { platform, qe, tdxModule, current } = tcb
  return {
    status: tcb.status,
    platform: copyOfPlatform(platform),
    qe: copyOfModule(qe),
    tdxModule: tdxModule && copyOfModule(tdxModule),
    current: current && {
      status: current.status,
      platform: copyOfPlatform(current.platform),
      tdxModule: current.tdxModule && copyOfModule(current.tdxModule),
    },
    advisories: [...tcb.advisories],
    openAdvisories: tcb.openAdvisories.map(({ id, part, tcbDate }) => ({
      ...{ id, part, tcbDate: new Date(tcbDate) },
    })),
    tcbDate: new Date(tcb.tcbDate),
  }
}

function copyOfPlatform(tcb: PlatformTcb): PlatformTcb {
  return new PlatformAtLevel(copyOfSvns(tcb.svns), copyOfTcbLevel(tcb.level), () => tcb.better)
}

function copyOfModule(tcb: ModuleTcb): ModuleTcb {
  return new ModuleAtLevel(tcb.isvSvn, copyOfModuleLevel(tcb.level), () => tcb.better)
}

// Classes, since a getter in an object literal gives each object a hidden class of its own, in memory that is seldom collected.

/** The levels above are worked out when they are asked for, anew each time: few who verify ask. */
class AtLevel<Level extends { readonly status: LevelStatus }> {
  readonly status: Level['status']
  readonly level: Level
  readonly #better: () => readonly BetterLevel<Level>[]

  constructor(level: Level, better: () => readonly BetterLevel<Level>[]) {
    this.status = level.status
    this.level = level
    this.#better = better
  }

  get better(): readonly BetterLevel<Level>[] {
    return this.#better()
  }
}

class PlatformAtLevel extends AtLevel<TcbLevel> implements PlatformTcb {
  readonly svns: PlatformSvns

  constructor(svns: PlatformSvns, level: TcbLevel, better: () => PlatformTcb['better']) {
    super(level, better)
    this.svns = svns
  }
}

class ModuleAtLevel extends AtLevel<ModuleLevel> implements ModuleTcb {
  readonly isvSvn: number

  constructor(isvSvn: number, level: ModuleLevel, better: () => ModuleTcb['better']) {
    super(level, better)
    this.isvSvn = isvSvn
  }
}

/** The platform with its TDX module, at the time that `teeTcbSvn` is of. */
function tdTcb(
  teeTcbSvn: Uint8Array,
  tcbInfo: TcbInfo,
  pck: PckCertificate,
): Pick<CurrentTcb, 'platform' | 'tdxModule'> {
  const [minor = 0, major = 0] = teeTcbSvn
  const platform = platformTcb(tcbInfo, pck, { ...svnsOf(pck), tdxComponents: [...teeTcbSvn] })
  if (major === 0) return { platform, tdxModule: undefined }
  const identity = tdxModuleOf(tcbInfo.tdxModuleIdentities ?? [], major)
  if (identity === undefined) throw notListed(major, pck)
  return { platform, tdxModule: moduleTcb(identity.tcbLevels, minor, `TDX module ${major}`, pck) }
}

function currentTcb(
  body: TdReportBody,
  known: { readonly pck: PckCertificate; readonly tcbInfo: TcbInfo; readonly qe: ModuleTcb },
): CurrentTcb | undefined {
  if (body.version === '1.0') return undefined
  const current = tdTcb(body.teeTcbSvn2, known.tcbInfo, known.pck)
  return { status: converged(current, known.qe), ...current }
}

function converged(
  { platform, tdxModule }: Pick<CurrentTcb, 'platform' | 'tdxModule'>,
  qe: ModuleTcb,
): LevelStatus {
  const modules = tdxModule === undefined ? [qe.status] : [qe.status, tdxModule.status]
  return convergeStatus(platform.status, ...modules)
}

function svnsOf({ components, pceSvn }: PckCertificate): PlatformSvns {
  return { components, pceSvn }
}

function platformTcb(
  { tcbLevels, componentNames }: TcbInfo,
  pck: PckCertificate,
  svns: PlatformSvns,
): PlatformTcb {
  // The first two TDX components are the module's version: from major version 1 on it has levels of its own.
  const tdxFrom = (svns.tdxComponents?.[1] ?? 0) > 0 ? 2 : 0
  const level = platformLevel(tcbLevels, svns, tdxFrom)
  if (level === undefined) throw notSupported(lowPart(tcbLevels, svns), pck)
  return new PlatformAtLevel(svns, level, () =>
    betterPlatformLevels(tcbLevels, level, svns, { names: componentNames, tdxFrom }),
  )
}

/** Which part of a platform below every level it is: without TDX, it may reach one. */
function lowPart(levels: readonly TcbLevel[], { tdxComponents, ...svns }: PlatformSvns): string {
  if (tdxComponents === undefined || platformLevel(levels, svns) === undefined) {
    return `platform with PCESVN ${svns.pceSvn} and components ${svns.components.join(' ')}`
  }
  return `TDX module with TDX components ${tdxComponents.join(' ')}`
}

function moduleTcb(
  levels: readonly ModuleLevel[],
  isvSvn: number,
  name: string,
  pck: PckCertificate,
): ModuleTcb {
  const level = moduleLevel(levels, isvSvn)
  if (level === undefined) throw notSupported(`${name} with ISVSVN ${isvSvn}`, pck)
  return new ModuleAtLevel(isvSvn, level, () => betterModuleLevels(levels, level, isvSvn))
}

/** Of the module that a TD runs under now: the one of its launch has been looked for before. */
function notListed(major: number, { fmspc }: PckCertificate): VerifyError {
  const message = `the TD runs under a TDX module of major version ${major}, which the TCB info does not list`
  return new VerifyError('ERR_VERIFY_TCB_NOT_SUPPORTED', message, { fmspc, part: 'TDX module' })
}

function notSupported(part: string, { fmspc }: PckCertificate): VerifyError {
  const message = `the ${part} is below every TCB level that Intel lists`
  return new VerifyError('ERR_VERIFY_TCB_NOT_SUPPORTED', message, { fmspc, part })
}
