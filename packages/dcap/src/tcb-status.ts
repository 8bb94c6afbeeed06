/** How far a platform is behind what Intel asks for, in Intel's words: what a TCB level says. */
export type LevelStatus = (typeof levelStatuses)[number]

export const levelStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const

/** What becomes of a quote: as a level says, or that a TD has to be launched anew to run on what its platform has since become. */
export type TcbStatus = LevelStatus | 'TDRelaunchAdvised' | 'TDRelaunchAdvisedConfigurationNeeded'

export const tcbStatuses: readonly TcbStatus[] = [
  ...levelStatuses,
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
]

/** What Intel says of a version of one of its enclaves or modules. */
export type ModuleStatus = (typeof moduleStatuses)[number]

export const moduleStatuses = ['UpToDate', 'OutOfDate', 'Revoked'] as const

/**
 * One status for a platform and what runs on it: its quoting enclave, and its TDX module. A revoked part revokes all; one that
 * is out of date makes a good platform out of date, and keeps its need for configuration.
 *
 * @see docs/formats/tcb-info.md
 */
export function convergeStatus(
  platform: LevelStatus,
  ...modules: readonly ModuleStatus[]
): LevelStatus {
  if (modules.includes('Revoked')) return 'Revoked'
  return modules.includes('OutOfDate') ? outOfDate[platform] : platform
}

const outOfDate: Readonly<Record<LevelStatus, LevelStatus>> = {
  UpToDate: 'OutOfDate',
  SWHardeningNeeded: 'OutOfDate',
  ConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  ConfigurationAndSWHardeningNeeded: 'OutOfDateConfigurationNeeded',
  OutOfDate: 'OutOfDate',
  OutOfDateConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  Revoked: 'Revoked',
}

/**
 * The status of a TD that was launched on one TCB and runs on another: the launch decides, but when the launch is out of date and
 * the platform no longer is, a new launch helps, and that is said.
 */
export function relaunchStatus(launch: LevelStatus, current: LevelStatus): TcbStatus {
  const isLaunchBehind = launch === 'OutOfDate' || launch === 'OutOfDateConfigurationNeeded'
  if (!isLaunchBehind || !isGoodEnough.has(current)) return launch
  const needsConfiguration = launch.includes('Configuration') || current.includes('Configuration')
  return needsConfiguration ? 'TDRelaunchAdvisedConfigurationNeeded' : 'TDRelaunchAdvised'
}

const isGoodEnough: ReadonlySet<LevelStatus> = new Set([
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
])
