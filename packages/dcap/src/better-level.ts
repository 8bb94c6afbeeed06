import { copyOfModuleLevel, type ModuleLevel } from './module-level.ts'
import {
  type ComponentNames,
  copyOfTcbLevel,
  type PlatformSvns,
  type TcbLevel,
} from './tcb-level.ts'

/** A level above the one that is reached, and what is missing for it. */
export interface BetterLevel<Level> {
  readonly level: Level
  /** At least one; what an update has to bring. */
  readonly lacks: readonly Lack[]
}

export interface Lack {
  /** `SGX component 3, Early Microcode Update (BIOS)`, `PCESVN`, `ISVSVN`. */
  readonly what: string
  readonly found: number
  readonly wanted: number
}

/** Copies of the levels above `reached`, best first. */
export function betterPlatformLevels(
  levels: readonly TcbLevel[],
  reached: TcbLevel,
  svns: PlatformSvns,
  { names, tdxFrom }: { readonly names: ComponentNames; readonly tdxFrom: number },
): BetterLevel<TcbLevel>[] {
  return levels.slice(0, levels.indexOf(reached)).map(level => ({
    level: copyOfTcbLevel(level),
    lacks: [
      ...lacking('SGX', svns.components, level.components, names.components, 0),
      ...lackOf('PCESVN', svns.pceSvn, level.pceSvn),
      ...lacking(
        'TDX',
        svns.tdxComponents ?? [],
        svns.tdxComponents === undefined ? [] : (level.tdxComponents ?? []),
        names.tdxComponents,
        tdxFrom,
      ),
    ],
  }))
}

/** Copies of the levels above `reached`, best first. */
export function betterModuleLevels(
  levels: readonly ModuleLevel[],
  reached: ModuleLevel,
  isvSvn: number,
): BetterLevel<ModuleLevel>[] {
  return levels.slice(0, levels.indexOf(reached)).map(level => ({
    level: copyOfModuleLevel(level),
    lacks: lackOf('ISVSVN', isvSvn, level.isvSvn),
  }))
}

function lacking(
  kind: 'SGX' | 'TDX',
  found: readonly number[],
  wanted: readonly number[],
  names: readonly (string | undefined)[],
  from: number,
): Lack[] {
  return wanted.flatMap((svn, index) => {
    if (index < from) return []
    const name = names[index] === undefined ? '' : `, ${names[index]}`
    return lackOf(`${kind} component ${index + 1}${name}`, found[index] ?? 0, svn)
  })
}

function lackOf(what: string, found: number, wanted: number): Lack[] {
  return found < wanted ? [{ what, found, wanted }] : []
}
