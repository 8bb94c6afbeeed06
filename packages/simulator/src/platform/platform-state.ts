import { convergeStatus, type LevelStatus } from '@alcove/dcap'
import { z } from 'zod'
import {
  cpuSvnFor,
  currentQeIsvSvn,
  type Publication,
  parseState,
  qeLevelsOf,
  tcbLevelsOf,
} from '../pcs/index.ts'

/** What a platform runs, and is certified for: it survives a restart, and changes when the platform is provisioned anew. */
export interface PlatformState {
  readonly platformId: string
  /** 16 bytes: of the microcode. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
  /** ISVSVN of the quoting enclave. */
  readonly qeIsvSvn: number
}

/** The only platform of a state directory unless told otherwise. */
export const defaultPlatformId = 'node'

const platformIdSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'want 1 to 63 lower-case letters, digits and inner hyphens',
  )

/** Whether a platform may be called that: it is also part of a file's name. */
export function isPlatformId(id: string): boolean {
  return platformIdSchema.safeParse(id).success
}

/** A machine as it is bought: everything current, as of what is published. */
export function newPlatformState(platformId: string, publication: Publication): PlatformState {
  const qeIsvSvn = currentQeIsvSvn(publication)
  return { platformId, ...cpuSvnFor('UpToDate', publication), qeIsvSvn }
}

/** The platform after its operator has installed what the latest TCB recovery asks for. */
export function provisioned(
  { platformId }: PlatformState,
  publication: Publication,
): PlatformState {
  return newPlatformState(platformId, publication)
}

export function isSameState(a: PlatformState, b: PlatformState): boolean {
  return encodePlatformState(a) === encodePlatformState(b)
}

/** How the platform's quotes come out under what is published; `undefined` below every level. */
export function statusUnder(
  state: PlatformState,
  publication: Publication,
): LevelStatus | undefined {
  const level = tcbLevelsOf(publication).find(
    ({ cpuSvn, pceSvn }) =>
      state.pceSvn >= pceSvn && cpuSvn.every((svn, index) => (state.cpuSvn[index] ?? 0) >= svn),
  )
  const qe = qeLevelsOf(publication).find(({ isvSvn }) => state.qeIsvSvn >= isvSvn)
  return level && qe && convergeStatus(level.status, qe.status)
}

const u16 = z.int().min(0).max(0xffff)
const schema = z.strictObject({
  version: z.literal(1),
  platformId: platformIdSchema,
  cpuSvn: z.string().regex(/^[0-9a-f]{32}$/, 'want 16 bytes in 32 lower-case hex digits'),
  pceSvn: u16,
  qeIsvSvn: u16,
})

/**
 * Reads a platform's state file.
 *
 * @param file its name, for the refusal
 * @throws {SimulatorError} `ERR_SIMULATOR_STATE`
 * @see docs/formats/simulated-pki.md
 */
export function parsePlatformState(file: string, json: string): PlatformState {
  const { platformId, cpuSvn, pceSvn, qeIsvSvn } = parseState(file, schema, json)
  return { platformId, cpuSvn: Uint8Array.fromHex(cpuSvn), pceSvn, qeIsvSvn }
}

export function encodePlatformState(state: PlatformState): string {
  const { platformId, cpuSvn, pceSvn, qeIsvSvn } = state
  const value = { version: 1, platformId, cpuSvn: cpuSvn.toHex(), pceSvn, qeIsvSvn }
  return `${JSON.stringify(value, undefined, 2)}\n`
}
