import * as z from 'zod'
import { advisoryIds, hexOf, unsigned, utcSecond } from './json.ts'
import { parseSignedObject, type SignedObject } from './signed-json.ts'
import { type TcbStatus, tcbStatuses } from './tcb-status.ts'

/** What Intel says of every TCB that processors of one FMSPC can have: TCB info of version 3. */
export interface TcbInfo {
  /** `SGX` or `TDX`. */
  readonly id: string
  readonly issueDate: Date
  readonly nextUpdate: Date
  /** Lower-case hex. */
  readonly fmspc: string
  /** Lower-case hex. */
  readonly pceId: string
  readonly tcbEvaluationDataNumber: number
  /** Best first. */
  readonly tcbLevels: readonly TcbLevel[]
}

export interface TcbLevel {
  /** The 16 component SVNs that a platform must reach. */
  readonly components: readonly number[]
  readonly pceSvn: number
  readonly tcbDate: Date
  readonly status: TcbStatus
  readonly advisories: readonly string[]
}

const otherVersion = 'only TCB info of version 3 is supported: fetch it from Intel PCS API v4'

const level = z
  .object({
    tcb: z.object({
      sgxtcbcomponents: z.array(z.object({ svn: unsigned(0xff) })).length(16),
      pcesvn: unsigned(0xffff),
    }),
    tcbDate: utcSecond,
    tcbStatus: z.enum(tcbStatuses),
    advisoryIDs: advisoryIds,
  })
  .transform(({ tcb, tcbDate, tcbStatus, advisoryIDs }) => ({
    components: tcb.sgxtcbcomponents.map(({ svn }) => svn),
    pceSvn: tcb.pcesvn,
    tcbDate,
    status: tcbStatus,
    advisories: advisoryIDs ?? [],
  }))

const tcbInfo: z.ZodType<TcbInfo> = z
  .object({
    // First, so that another version is reported as that, not as what it lacks.
    version: z.literal(3, otherVersion),
    id: z.string(),
    issueDate: utcSecond,
    nextUpdate: utcSecond,
    fmspc: hexOf(6),
    pceId: hexOf(2),
    tcbType: z.literal(0),
    tcbEvaluationDataNumber: unsigned(0xffff_ffff),
    tcbLevels: z.array(level).min(1).max(1024),
  })
  .transform(info => ({ ...info, tcbLevels: info.tcbLevels.toSorted(bestFirst) }))

/**
 * Reads TCB info of version 3. Its signature is not checked here.
 *
 * @throws {CollateralError} `ERR_COLLATERAL_VALUE` (`tcbInfo.version`) for another version; else as `parseSignedObject`
 * @see docs/formats/tcb-info.md
 */
export function parseTcbInfo(text: string): SignedObject<TcbInfo> {
  return parseSignedObject(text, 'tcbInfo', tcbInfo)
}

/** The best level that a platform reaches in every component and in the PCE, or `undefined` below all of them. */
export function platformLevel(
  levels: readonly TcbLevel[],
  platform: { readonly components: readonly number[]; readonly pceSvn: number },
): TcbLevel | undefined {
  return levels.find(
    ({ components, pceSvn }) =>
      platform.pceSvn >= pceSvn &&
      components.every((svn, index) => (platform.components[index] ?? -1) >= svn),
  )
}

/** Intel's order: by the components from the first to the last, then by PCESVN, the highest first. */
function bestFirst(a: TcbLevel, b: TcbLevel): number {
  const differing = a.components.findIndex((svn, index) => svn !== b.components[index])
  return differing === -1
    ? b.pceSvn - a.pceSvn
    : (b.components[differing] ?? 0) - (a.components[differing] ?? 0)
}
