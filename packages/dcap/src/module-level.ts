import type { JsonReader } from './json-reader.ts'
import { type ModuleStatus, moduleStatuses } from './tcb-status.ts'

/** How good the versions of an enclave or a module from this ISVSVN on are. */
export interface ModuleLevel {
  readonly isvSvn: number
  readonly tcbDate: Date
  readonly status: ModuleStatus
  readonly advisories: readonly string[]
}

export function copyOfModuleLevel(level: ModuleLevel): ModuleLevel {
  const { isvSvn, tcbDate, status, advisories } = level
  return { isvSvn, tcbDate: new Date(tcbDate), status, advisories: [...advisories] }
}

/** As many levels and advisories as are read. */
export const mostLevels = 1024
const mostAdvisories = 256
const longestAdvisory = 64

/** Reads `tcbLevels` of an enclave identity or of a TDX module, best first. */
export function readModuleLevels(reader: JsonReader): ModuleLevel[] {
  const levels: ModuleLevel[] = []
  reader.array(index => {
    if (index === mostLevels) throw reader.refuse(`more than ${mostLevels} levels`)
    levels.push(readModuleLevel(reader))
  })
  if (levels.length === 0) throw reader.refuse('want at least one level')
  return levels.sort((a, b) => b.isvSvn - a.isvSvn)
}

function readModuleLevel(reader: JsonReader): ModuleLevel {
  let isvSvn: number | undefined
  let tcbDate: Date | undefined
  let status: ModuleStatus | undefined
  let advisories: readonly string[] = []
  reader.object(key => {
    if (key === 'tcb') {
      reader.object(inner => {
        if (inner === 'isvsvn') isvSvn = reader.unsigned(0xffff)
      })
    } else if (key === 'tcbDate') tcbDate = reader.utcSecond()
    else if (key === 'tcbStatus') status = reader.oneOf(moduleStatuses)
    else if (key === 'advisoryIDs') advisories = readAdvisories(reader)
  })
  return {
    isvSvn: reader.required(isvSvn, 'tcb.isvsvn'),
    tcbDate: reader.required(tcbDate, 'tcbDate'),
    status: reader.required(status, 'tcbStatus'),
    advisories,
  }
}

/** Reads `advisoryIDs`: names such as `INTEL-SA-00615`. */
export function readAdvisories(reader: JsonReader): string[] {
  const advisories: string[] = []
  reader.array(index => {
    if (index === mostAdvisories) throw reader.refuse(`more than ${mostAdvisories} advisories`)
    advisories.push(reader.string(longestAdvisory))
  })
  return advisories
}

/** The best level that this ISVSVN reaches, or `undefined` below all of them. */
export function moduleLevel(
  levels: readonly ModuleLevel[],
  isvSvn: number,
): ModuleLevel | undefined {
  return levels.find(level => isvSvn >= level.isvSvn)
}
