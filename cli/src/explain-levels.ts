import type {
  BetterLevel,
  CurrentTcb,
  ModuleLevel,
  ModuleTcb,
  PlatformSvns,
  PlatformTcb,
  TcbLevel,
  Verified,
} from '@alcove/dcap'
import { folded } from './plain-text.ts'

/** Every part with its SVNs beside those of the level that it reaches, and what it lacks for the levels above. */
export function levelLines({ platform, qe, tdxModule, current, fmspc, pck }: Verified): string[] {
  const of = `FMSPC ${fmspc}, PCEID ${pck.pceId}, as its PCK certificate says`
  return [
    ...platformLines('Platform', platform, of),
    ...moduleLines('QE', qe, 'as its report says'),
    ...(tdxModule === undefined
      ? []
      : moduleLines('TDX module', tdxModule, 'the minor version, as the TD’s report says')),
    ...(current === undefined ? [] : currentLines(current)),
  ]
}

function platformLines(title: string, platform: PlatformTcb, of: string): string[] {
  const { status, svns, level, better } = platform
  return [
    `${title}: ${status}`,
    ...folded(`${of}; its level is of ${day(level.tcbDate)}`, '  ').split('\n'),
    ...svnLines(svns, level),
    ...betterLines(better),
    '',
  ]
}

function moduleLines(title: string, module: ModuleTcb, of: string): string[] {
  const { status, isvSvn, level, better } = module
  return [
    `${title}: ${status}`,
    ...folded(
      `ISVSVN ${isvSvn}, ${of}; its level wants ${level.isvSvn} and is of ${day(level.tcbDate)}`,
      '  ',
    ).split('\n'),
    ...betterLines(better),
    '',
  ]
}

function currentLines({ status, platform, tdxModule }: CurrentTcb): string[] {
  const of = 'as a TD that is launched now would have it'
  return [
    ...folded(`If the TD were launched anew: ${status}`, '').split('\n'),
    ...folded(
      'What is above is as of its launch; since then the TDX module may have been updated.',
      '  ',
    ).split('\n'),
    '',
    ...platformLines('Platform, after a new launch', platform, of),
    ...(tdxModule === undefined
      ? []
      : moduleLines('TDX module, after a new launch', tdxModule, of)),
  ]
}

/** A line of numbers for what was found, and one for what the level wants. */
function svnLines(svns: PlatformSvns, level: PlatformSvns): string[] {
  const found = svns.tdxComponents
  // Major version and minor version of a TDX module that has levels of its own: they are not compared.
  const tdxFrom = (found?.[1] ?? 0) > 0 ? 2 : 0
  const line = (name: string, numbers: readonly number[], from = 0) =>
    `  ${name.padEnd(11)}${numbers.map((svn, n) => (n < from ? '–' : `${svn}`).padStart(4)).join('')}`
  const components = svns.components.map((_, index) => index + 1)
  return [
    line('component', components),
    line('SGX found', svns.components),
    line('    wanted', level.components),
    ...(found === undefined
      ? []
      : [line('TDX found', found), line('    wanted', level.tdxComponents ?? [], tdxFrom)]),
    `  PCESVN     ${String(svns.pceSvn).padStart(4)} found, ${level.pceSvn} wanted`,
  ]
}

function betterLines(better: readonly BetterLevel<TcbLevel | ModuleLevel>[]): string[] {
  return better.flatMap(({ level, lacks }) => [
    ...folded(`lacks for ${level.status}, the level of ${day(level.tcbDate)}:`, '  ').split('\n'),
    ...lacks.flatMap(({ what, found, wanted }) =>
      folded(`${what}: ${found} → ${wanted}`, '    - ').split('\n'),
    ),
  ])
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
