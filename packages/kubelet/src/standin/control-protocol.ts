import { z } from 'zod'
import type { ContainerAllocation } from '../device-plugin.ts'
import { KubeletError, type KubeletErrorCode, kubeletErrorCodes } from '../kubelet-error.ts'
import type { ResourceStatus } from './resource.ts'

/** A line of either direction, its newline left out, has at most this many bytes. */
export const MAX_LINE_BYTES = 65_536
/** Output is cut into pieces of this many characters, so that a line stays below its limit however it is escaped. */
export const MAX_TEXT_LENGTH = 8_192

/** A program to run, as a pod with one container would say it. */
export interface RunRequest {
  /** For people: it need not be unique. */
  readonly name: string
  readonly command: readonly string[]
  /** Absolute. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** How many devices of which resource; none for a program that needs none. */
  readonly limits: Readonly<Record<string, number>>
}

export type ControlRequest = { readonly op: 'status' } | ({ readonly op: 'run' } & RunRequest)

/** What the stand-in kubelet knows. */
export interface StandInStatus {
  readonly resources: readonly ResourceStatus[]
  readonly programs: readonly {
    readonly id: string
    readonly name: string
    readonly pid: number
    readonly limits: Readonly<Record<string, number>>
  }[]
}

/** What happens to a program: `admitted`, its output, `exit`; or `refused`, and nothing else. */
export type RunEvent =
  | ({
      readonly event: 'admitted'
      readonly id: string
      /** The resources of its limits, as they are with what it holds. */
      readonly resources: readonly ResourceStatus[]
    } & Pick<ContainerAllocation, 'devices' | 'mounts'>)
  | { readonly event: 'stdout' | 'stderr'; readonly text: string }
  | { readonly event: 'exit'; readonly code: number | null; readonly signal: string | null }
  | { readonly event: 'refused'; readonly code: KubeletErrorCode; readonly message: string }

const Plain = z.string().regex(/^[^\0]*$/, 'has a zero byte')
const Count = z.int().min(0)
const Limits = z.record(z.string(), z.int().min(1))

const Request: z.ZodType<ControlRequest> = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('status') }),
  z.strictObject({
    op: z.literal('run'),
    name: z.string().min(1).max(253),
    command: z.array(Plain).min(1),
    cwd: Plain.startsWith('/'),
    env: z.record(z.string().regex(/^[^=\0]+$/), Plain),
    limits: Limits,
  }),
])

const Resource = z.strictObject({
  name: z.string(),
  capacity: Count,
  allocatable: Count,
  allocated: Count,
})

const Status: z.ZodType<StandInStatus> = z.strictObject({
  resources: z.array(Resource),
  programs: z.array(
    z.strictObject({ id: z.string(), name: z.string(), pid: z.int(), limits: Limits }),
  ),
})

const paths = { hostPath: z.string(), containerPath: z.string() }

const Refused = z.strictObject({
  event: z.literal('refused'),
  code: z.enum(kubeletErrorCodes),
  message: z.string(),
})

const Event: z.ZodType<RunEvent> = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('admitted'),
    id: z.string(),
    resources: z.array(Resource),
    devices: z.array(z.strictObject({ ...paths, permissions: z.string() })),
    mounts: z.array(z.strictObject({ ...paths, readOnly: z.boolean() })),
  }),
  z.strictObject({ event: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.strictObject({
    event: z.literal('exit'),
    code: z.int().nullable(),
    signal: z.string().nullable(),
  }),
  Refused,
])

/** @throws {KubeletError} `ERR_KUBELET_CONTROL` naming the field */
export function parseRequest(line: string): ControlRequest {
  return parse('request', Request, line)
}

/** @throws {KubeletError} `ERR_KUBELET_CONTROL` naming the field */
export function parseEvent(line: string): RunEvent {
  return parse('event', Event, line)
}

/** @throws {KubeletError} `ERR_KUBELET_CONTROL` naming the field; the code of a refusal */
export function parseStatus(line: string): StandInStatus {
  const status = parse('status', z.union([Status, Refused]), line)
  if ('event' in status) throw new KubeletError(status.code, status.message)
  return status
}

function parse<T>(what: string, schema: z.ZodType<T>, line: string): T {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new KubeletError('ERR_KUBELET_CONTROL', `control ${what}: not a line of JSON`, { cause })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new KubeletError('ERR_KUBELET_CONTROL', `control ${what}: ${faults.join('; ')}`)
}
