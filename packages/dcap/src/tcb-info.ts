import type { Tee } from '@alcove/sgx'
import { CollateralError } from './collateral-error.ts'
import type { JsonReader } from './json-reader.ts'
import { parseSignedObject, type SignedObject } from './signed-json.ts'
import { type ComponentNames, type TcbLevel, TcbLevelReader } from './tcb-level.ts'
import {
  readTdxModule,
  readTdxModuleIdentities,
  type TdxModule,
  type TdxModuleIdentity,
} from './tdx-module.ts'

/** What Intel says of every TCB that processors of one FMSPC can have. */
export interface TcbInfo {
  /** 2 is what Intel served, of SGX only, until version 3 of its API was retired. */
  readonly version: 2 | 3
  readonly id: Tee
  readonly issueDate: Date
  readonly nextUpdate: Date
  /** Lower-case hex. */
  readonly fmspc: string
  /** Lower-case hex. */
  readonly pceId: string
  readonly tcbEvaluationDataNumber: number
  /** Best first. */
  readonly tcbLevels: readonly TcbLevel[]
  readonly componentNames: ComponentNames
  /** TDX: the module of major version 0. */
  readonly tdxModule: TdxModule | undefined
  /** TDX: the modules of other major versions, each with levels of its own. */
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[] | undefined
}

/**
 * Reads TCB info of version 2 or 3. Its signature is not checked here.
 *
 * @throws {CollateralError} as `parseSignedObject`
 * @see docs/formats/tcb-info.md
 */
export function parseTcbInfo(text: string): SignedObject<TcbInfo> {
  return parseSignedObject(text, 'tcbInfo', readTcbInfo)
}

type Found = { -readonly [Field in keyof TcbInfo]?: TcbInfo[Field] } & {
  tcbType?: number
  levels?: TcbLevelReader
}

/** What is read, by key; the rest is passed over. */
const members: ReadonlyMap<string, (reader: JsonReader, found: Found) => void> = new Map([
  [
    'version',
    (reader: JsonReader, found: Found) => {
      found.version = readVersion(reader)
    },
  ],
  [
    'id',
    (reader: JsonReader, found: Found) => {
      found.id = reader.oneOf(tees)
    },
  ],
  [
    'issueDate',
    (reader: JsonReader, found: Found) => {
      found.issueDate = reader.utcSecond()
    },
  ],
  [
    'nextUpdate',
    (reader: JsonReader, found: Found) => {
      found.nextUpdate = reader.utcSecond()
    },
  ],
  [
    'fmspc',
    (reader: JsonReader, found: Found) => {
      found.fmspc = reader.hex(6)
    },
  ],
  [
    'pceId',
    (reader: JsonReader, found: Found) => {
      found.pceId = reader.hex(2)
    },
  ],
  [
    'tcbType',
    (reader: JsonReader, found: Found) => {
      found.tcbType = reader.unsigned(0)
    },
  ],
  [
    'tcbEvaluationDataNumber',
    (reader: JsonReader, found: Found) => {
      found.tcbEvaluationDataNumber = reader.unsigned(0xffff_ffff)
    },
  ],
  [
    'tdxModule',
    (reader: JsonReader, found: Found) => {
      found.tdxModule = readTdxModule(reader)
    },
  ],
  [
    'tdxModuleIdentities',
    (reader: JsonReader, found: Found) => {
      found.tdxModuleIdentities = readTdxModuleIdentities(reader)
    },
  ],
  [
    'tcbLevels',
    (reader: JsonReader, found: Found) => {
      found.levels = new TcbLevelReader(reader)
      found.tcbLevels = found.levels.levels()
    },
  ],
])

function readTcbInfo(reader: JsonReader): TcbInfo {
  const found: Found = {}
  reader.object(key => members.get(key)?.(reader, found))
  const version = reader.required(found.version, 'version')
  reader.required(found.tcbType, 'tcbType')
  const levels = reader.required(found.levels, 'tcbLevels')
  return checked(
    {
      version,
      id: version === 2 ? 'SGX' : reader.required(found.id, 'id'),
      issueDate: reader.required(found.issueDate, 'issueDate'),
      nextUpdate: reader.required(found.nextUpdate, 'nextUpdate'),
      fmspc: reader.required(found.fmspc, 'fmspc'),
      pceId: reader.required(found.pceId, 'pceId'),
      tcbEvaluationDataNumber: reader.required(
        found.tcbEvaluationDataNumber,
        'tcbEvaluationDataNumber',
      ),
      tcbLevels: reader.required(found.tcbLevels, 'tcbLevels'),
      componentNames: levels.names,
      tdxModule: found.tdxModule,
      tdxModuleIdentities: found.tdxModuleIdentities,
    },
    levels.forms,
  )
}

const tees: readonly Tee[] = ['SGX', 'TDX']

function readVersion(reader: JsonReader): 2 | 3 {
  const version = reader.unsigned(0xffff_ffff)
  if (version === 2 || version === 3) return version
  throw reader.refuse(`only versions 2 and 3 are supported, this is ${version}`)
}

/** What depends on more than one field, which come in any order. */
function checked(info: TcbInfo, forms: ReadonlySet<2 | 3>): TcbInfo {
  const other = info.version === 2 ? 3 : 2
  if (forms.has(other)) throw refused('tcbLevels', `a level is in the form of version ${other}`)
  if (info.id === 'SGX') return info
  const bare = info.tcbLevels.findIndex(({ tdxComponents }) => tdxComponents === undefined)
  if (bare !== -1) throw refused('tcbLevels', 'a level of TDX has no tdxtcbcomponents')
  if (info.tdxModule === undefined) throw refused('tdxModule', 'missing')
  return info
}

function refused(field: string, detail: string): CollateralError {
  return new CollateralError('ERR_COLLATERAL_VALUE', `tcbInfo.${field}`, detail)
}
