import { createHash } from 'node:crypto'
import { z } from 'zod'
import { KubeletError } from '../kubelet-error.ts'

const VERSION = 1

/** The devices of one resource that one container holds, and what the plugin answered for them. */
export interface Allocation {
  readonly container: string
  /** Whether the container can come back after the stand-in has been away. */
  readonly restartable: boolean
  readonly resource: string
  readonly ids: readonly string[]
  /** A ContainerAllocateResponse, in base64. */
  readonly answer: string
}

/** What the stand-in knows again after it has been away. */
export interface Checkpoint {
  /** The healthy devices of each resource; after a restart only the names of the resources count. */
  readonly registered: Readonly<Record<string, readonly string[]>>
  readonly allocations: readonly Allocation[]
}

const Id = z.string().min(1).max(63)

const Data = z.strictObject({
  registered: z.record(z.string(), z.array(Id)),
  allocations: z.array(
    z.strictObject({
      container: z.string().min(1),
      restartable: z.boolean(),
      resource: z.string().min(1),
      ids: z.array(Id).min(1),
      answer: z.base64(),
    }),
  ),
})

const File = z.strictObject({ version: z.literal(VERSION), sha256: z.string(), data: Data })

export function encodeCheckpoint({ registered, allocations }: Checkpoint): string {
  const data = { registered, allocations }
  return `${JSON.stringify({ version: VERSION, sha256: sumOf(data), data })}\n`
}

/** @throws {KubeletError} `ERR_KUBELET_CHECKPOINT` naming what is wrong */
export function parseCheckpoint(text: string): Checkpoint {
  const file = File.safeParse(parseJson(text))
  if (!file.success) {
    const faults = file.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw unreadable(faults.slice(0, 3).join('; '))
  }
  const { data, sha256 } = file.data
  if (sumOf(data) !== sha256) throw unreadable('sha256: not that of the data')
  const held = new Set<string>()
  for (const { resource, ids } of data.allocations) {
    for (const id of ids) {
      const device = `${resource} ${id}`
      if (held.has(device)) throw unreadable(`data.allocations: ${device} is held twice`)
      held.add(device)
    }
  }
  return data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreadable('not JSON', cause)
  }
}

function sumOf(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex')
}

function unreadable(detail: string, cause?: unknown): KubeletError {
  return new KubeletError('ERR_KUBELET_CHECKPOINT', `checkpoint: ${detail}`, { cause })
}
