// What the API server answers: bounded, JSON, and as the caller's schema says.
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { KubeApiError } from './kube-api-error.ts'

/** @throws {KubeApiError} `ERR_KUBE_ANSWER` for more than `maxBytes` */
export async function bodyOf(
  response: IncomingMessage,
  maxBytes: number,
  path: string,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response) {
    if (!(part instanceof Uint8Array)) continue
    bytes += part.byteLength
    if (bytes > maxBytes) {
      // leaving the loop destroys the response, and with it the connection
      const detail = `${path}: more than ${maxBytes} bytes`
      throw new KubeApiError('ERR_KUBE_ANSWER', detail, { tooLarge: true })
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** As much of a Status object as says why. */
const Status = z.object({ message: z.string() })

export function refusal(path: string, status: number, body: Uint8Array): KubeApiError {
  const said = Status.safeParse(json(body))
  const why = said.success ? said.data.message.slice(0, 500) : 'without a reason'
  return new KubeApiError('ERR_KUBE_STATUS', `${path}: HTTP ${status}: ${why}`, { status })
}

export function read<T>(path: string, schema: z.ZodType<T>, body: Uint8Array): T {
  return readObject(path, schema, json(body))
}

/** @throws {KubeApiError} `ERR_KUBE_ANSWER` naming what is not as the schema says */
export function readObject<T>(path: string, schema: z.ZodType<T>, object: unknown): T {
  const result = schema.safeParse(object)
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new KubeApiError('ERR_KUBE_ANSWER', `${path}: ${problems.join('; ')}`)
}

/** `undefined` for what is not JSON, which no schema takes. */
export function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined
    throw cause
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
