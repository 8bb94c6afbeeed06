import type { JsonReader } from './json-reader.ts'
import { mostLevels, readAdvisories } from './module-level.ts'
import { type LevelStatus, levelStatuses } from './tcb-status.ts'

/** The SVNs of a platform, or those that a level asks for. */
export interface PlatformSvns {
  /** The 16 components that processors with SGX have. */
  readonly components: readonly number[]
  readonly pceSvn: number
  /** The 16 components that processors with TDX have besides. */
  readonly tdxComponents?: readonly number[] | undefined
}

/** One entry of Intel's list of TCBs: a platform that reaches all of its SVNs has its status, unless it reaches a better one. */
export interface TcbLevel extends PlatformSvns {
  readonly tcbDate: Date
  readonly status: LevelStatus
  readonly advisories: readonly string[]
}

/** What the components are: `Early Microcode Update (BIOS)`; `undefined` where Intel does not say. */
export interface ComponentNames {
  readonly components: readonly (string | undefined)[]
  readonly tdxComponents: readonly (string | undefined)[]
}

export function copyOfSvns({ components, pceSvn, tdxComponents }: PlatformSvns): PlatformSvns {
  const tdx = tdxComponents && [...tdxComponents]
  return { components: [...components], pceSvn, tdxComponents: tdx }
}

export function copyOfTcbLevel(level: TcbLevel): TcbLevel {
  const { tcbDate, status, advisories } = level
  const [date, open] = [new Date(tcbDate), [...advisories]]
  return { ...copyOfSvns(level), tcbDate: date, status, advisories: open }
}

const COMPONENTS = 16
const LONGEST_NAME = 256

/**
 * Reads the levels of one TCB info, and notes what it learns on the way. In version 3 a level's `tcb` is
 * `{sgxtcbcomponents, pcesvn, tdxtcbcomponents}`; in version 2 it has `sgxtcbcomp01svn` to `sgxtcbcomp16svn`.
 */
export class TcbLevelReader {
  readonly #reader: JsonReader
  /** As the first level that has them says: Intel names them alike in all. */
  readonly names: { components: Names; tdxComponents: Names } = {
    components: [],
    tdxComponents: [],
  }
  /** In which version's form SVNs were found. */
  readonly forms: Set<2 | 3> = new Set()
  #svn: number | undefined
  #category = ''
  #type = ''

  constructor(reader: JsonReader) {
    this.#reader = reader
  }

  /** Reads `tcbLevels`, best first. */
  levels(): TcbLevel[] {
    const reader = this.#reader
    const levels: TcbLevel[] = []
    reader.array(index => {
      if (index === mostLevels) throw reader.refuse(`more than ${mostLevels} levels`)
      levels.push(this.#level())
    })
    if (levels.length === 0) throw reader.refuse('want at least one level')
    return levels.sort(bestFirst)
  }

  #level(): TcbLevel {
    const reader = this.#reader
    let svns: PlatformSvns | undefined
    let tcbDate: Date | undefined
    let status: LevelStatus | undefined
    let advisories: readonly string[] = []
    reader.object(key => {
      if (key === 'tcb') svns = this.#svns()
      else if (key === 'tcbDate') tcbDate = reader.utcSecond()
      else if (key === 'tcbStatus') status = reader.oneOf(levelStatuses)
      else if (key === 'advisoryIDs') advisories = readAdvisories(reader)
    })
    return {
      ...reader.required(svns, 'tcb'),
      tcbDate: reader.required(tcbDate, 'tcbDate'),
      status: reader.required(status, 'tcbStatus'),
      advisories,
    }
  }

  #svns(): PlatformSvns {
    const reader = this.#reader
    let components: readonly number[] | undefined
    let tdxComponents: readonly number[] | undefined
    let pceSvn: number | undefined
    const numbered: (number | undefined)[] = []
    reader.object(key => {
      if (key === 'pcesvn') pceSvn = reader.unsigned(0xffff)
      else if (key === 'sgxtcbcomponents') components = this.#components('components')
      else if (key === 'tdxtcbcomponents') tdxComponents = this.#components('tdxComponents')
      else {
        const number = /^sgxtcbcomp(\d\d)svn$/.exec(key)?.[1]
        if (number !== undefined) numbered[Number(number) - 1] = reader.unsigned(0xff)
      }
    })
    this.forms.add(components === undefined ? 2 : 3)
    return {
      components: components ?? this.#allOf(numbered),
      pceSvn: reader.required(pceSvn, 'pcesvn'),
      tdxComponents,
    }
  }

  #allOf(numbered: readonly (number | undefined)[]): number[] {
    if (numbered.length === 0) this.#reader.required<never>(undefined, 'sgxtcbcomponents')
    return Array.from({ length: COMPONENTS }, (_, index) =>
      this.#reader.required<number>(
        numbered[index],
        `sgxtcbcomp${`${index + 1}`.padStart(2, '0')}svn`,
      ),
    )
  }

  #components(kind: 'components' | 'tdxComponents'): number[] {
    const reader = this.#reader
    const only = reader.onlyUnsigneds('{"svn":', 0xff)
    if (only !== undefined) return this.#allComponents(only)
    const svns: number[] = []
    const names: (string | undefined)[] | undefined = this.names[kind].length === 0 ? [] : undefined
    const member = (key: string): void => {
      if (key === 'svn') this.#svn = reader.unsigned(0xff)
      else if (key === 'category' && names) this.#category = reader.string(LONGEST_NAME)
      else if (key === 'type' && names) this.#type = reader.string(LONGEST_NAME)
    }
    reader.array(() => {
      this.#svn = undefined
      this.#category = ''
      this.#type = ''
      reader.object(member)
      svns.push(reader.required<number>(this.#svn, 'svn'))
      names?.push(nameOf(this.#category, this.#type))
    })
    if (names?.some(name => name !== undefined)) this.names[kind] = names
    return this.#allComponents(svns)
  }

  #allComponents(svns: number[]): number[] {
    if (svns.length === COMPONENTS) return svns
    throw this.#reader.refuse(`want ${COMPONENTS}, found ${svns.length}`)
  }
}

type Names = readonly (string | undefined)[]

function nameOf(category: string, type: string): string | undefined {
  if (type === '') return category === '' ? undefined : category
  return category === '' ? type : `${type} (${category})`
}

/** Intel's order: by the components from the first to the last, then by PCESVN, then by the TDX components; the highest first. */
function bestFirst(a: TcbLevel, b: TcbLevel): number {
  return (
    descending(a.components, b.components) ||
    b.pceSvn - a.pceSvn ||
    descending(a.tdxComponents ?? [], b.tdxComponents ?? [])
  )
}

function descending(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((svn, index) => svn !== b[index])
  return differing === -1 ? 0 : (b[differing] ?? 0) - (a[differing] ?? 0)
}

/**
 * The best level that a platform reaches in every component and in the PCE, or `undefined` below all of them.
 *
 * @param tdxFrom index of the first TDX component that counts: 2 where the TDX module, which is 0 and 1, has levels of its own
 */
export function platformLevel(
  levels: readonly TcbLevel[],
  platform: PlatformSvns,
  tdxFrom = 0,
): TcbLevel | undefined {
  return levels.find(
    level =>
      platform.pceSvn >= level.pceSvn &&
      reaches(platform.components, level.components, 0) &&
      (platform.tdxComponents === undefined ||
        reaches(platform.tdxComponents, level.tdxComponents ?? [], tdxFrom)),
  )
}

function reaches(found: readonly number[], wanted: readonly number[], from: number): boolean {
  for (let index = from; index < wanted.length; index++) {
    // Negated, so that an SVN that is missing reaches nothing.
    if (!((found[index] ?? -1) >= (wanted[index] ?? 0))) return false
  }
  return true
}
