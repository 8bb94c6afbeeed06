// A watch is JSON, an event to a line: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import { z } from 'zod'
import { json, readObject } from './answer.ts'
import { KubeApiError } from './kube-api-error.ts'

export type WatchEvent =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
      readonly uid: string
      readonly resourceVersion: string
      /** As it came; for the caller's schema. */
      readonly object: unknown
    }
  /** Nothing has changed up to this version. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

const Event = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
    object: z.looseObject({
      metadata: z.looseObject({ uid: z.string(), resourceVersion: z.string() }),
    }),
  }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.object({ metadata: z.object({ resourceVersion: z.string() }) }),
  }),
  z.object({
    type: z.literal('ERROR'),
    object: z.object({ code: z.number().default(0), message: z.string().default('') }),
  }),
])

export interface WatchStreamOptions {
  /** For error messages. */
  readonly path: string
  /** The most that one event may hold. */
  readonly maxBytes: number
  /** After each piece that came. */
  readonly onBytes: () => void
}

/**
 * @throws {KubeApiError} `ERR_KUBE_STATUS` for the server's own error event, 410 where the version is too old to watch
 *   from; `ERR_KUBE_ANSWER` for a line that is too long, is no JSON, or no event
 */
export async function* readWatch(
  bytes: AsyncIterable<unknown>,
  options: WatchStreamOptions,
): AsyncGenerator<WatchEvent> {
  for await (const line of lines(bytes, options)) {
    const event = readObject(options.path, Event, json(line))
    if (event.type === 'ERROR') {
      const { code, message } = event.object
      const detail = `${options.path}: HTTP ${code}: ${message.slice(0, 500)}`
      throw new KubeApiError('ERR_KUBE_STATUS', detail, { status: code })
    }
    const { metadata } = event.object
    if (event.type === 'BOOKMARK') {
      yield { type: event.type, resourceVersion: metadata.resourceVersion }
    } else {
      const { uid, resourceVersion } = event.object.metadata
      yield { type: event.type, uid, resourceVersion, object: event.object }
    }
  }
}

const NEWLINE = 0x0a

async function* lines(
  bytes: AsyncIterable<unknown>,
  { path, maxBytes, onBytes }: WatchStreamOptions,
): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = []
  let held = 0
  for await (const part of bytes) {
    if (!(part instanceof Uint8Array)) continue
    onBytes()
    let start = 0
    for (let end = part.indexOf(NEWLINE); end !== -1; end = part.indexOf(NEWLINE, start)) {
      begun.push(part.subarray(start, end))
      yield Buffer.concat(begun)
      begun = []
      held = 0
      start = end + 1
    }
    const rest = part.subarray(start)
    held += rest.byteLength
    if (held > maxBytes) {
      throw new KubeApiError('ERR_KUBE_ANSWER', `${path}: an event of more than ${maxBytes} bytes`)
    }
    if (rest.byteLength > 0) begun.push(rest)
  }
}
