import type { CpuidResult } from '@alcove/sgx'
import { z } from 'zod'
import type { FileAccess } from './host.ts'
import { HostError } from './host-error.ts'

/** Name of the file that makes a directory a simulated node's root. */
export const SIMULATED_NODE_MARKER = 'alcove-simulated-node.json'

/** The most that a marker may hold, in bytes. */
export const MARKER_MAX_BYTES = 65_536

export interface SimulatedNodeMarker {
  /** Version of the marker. */
  readonly alcoveSimulatedNode: 1
  /** Which machine is simulated: `DC2s_v2`. */
  readonly size: string
  /** Which driver generation it has: `in-kernel`. */
  readonly os: string
  /** Files below the root that stand for character devices. */
  readonly devices: readonly string[]
  /** Who may open those devices on the node that is simulated; without it, the files' own permissions count. */
  readonly access?: Readonly<Record<string, FileAccess>>
  /** By leaf and subleaf: `0x12.2`, the leaf in lower-case hex, the subleaf decimal. */
  readonly cpuid: Readonly<Record<string, CpuidResult>>
}

const register = z.int().min(0).max(0xffff_ffff)

const device = z
  .string()
  .max(255)
  .regex(/^\/dev\/[\w/-]+$/)

const schema: z.ZodType<SimulatedNodeMarker> = z.strictObject({
  alcoveSimulatedNode: z.literal(1),
  size: z.string().min(1).max(64),
  os: z.string().min(1).max(64),
  devices: z.array(device).max(64),
  access: z
    .record(device, z.strictObject({ gid: register, mode: z.int().min(0).max(0o7777) }))
    .refine(access => Object.keys(access).length <= 64, 'too many devices: at most 64')
    .exactOptional(),
  cpuid: z
    .record(
      z.string().regex(/^0x(0|[1-9a-f][0-9a-f]{0,7})\.(0|[1-9]\d{0,9})$/),
      z.strictObject({ eax: register, ebx: register, ecx: register, edx: register }),
    )
    .refine(leaves => Object.keys(leaves).length <= 64, 'too many leaves: at most 64'),
})

/**
 * Reads a marker file.
 *
 * @param path the file, for errors
 * @throws {HostError} `ERR_HOST_MARKER` naming the field
 * @see docs/formats/simulated-root.md
 */
export function parseSimulatedNodeMarker(path: string, bytes: Uint8Array): SimulatedNodeMarker {
  const result = schema.safeParse(jsonOf(path, bytes))
  if (result.success) return result.data
  const problems = result.error.issues.map(issue =>
    [issue.path.join('.'), issue.message].filter(part => part !== '').join(': '),
  )
  throw new HostError('ERR_HOST_MARKER', path, `${problems.join('; ')}; ${remedy}`)
}

const remedy = 'have the simulated root written again by this version'

function jsonOf(path: string, bytes: Uint8Array): unknown {
  if (bytes.byteLength > MARKER_MAX_BYTES) {
    const detail = `${bytes.byteLength} bytes, more than ${MARKER_MAX_BYTES}; ${remedy}`
    throw new HostError('ERR_HOST_MARKER', path, detail)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new HostError('ERR_HOST_MARKER', path, `not JSON; ${remedy}`, { cause })
  }
}

/** The key of a leaf in the marker. */
export function cpuidKey(leaf: number, subleaf: number): string {
  return `0x${leaf.toString(16)}.${subleaf}`
}
