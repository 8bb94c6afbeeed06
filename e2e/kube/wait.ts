import type { z } from 'zod'
import type { Api } from './api.ts'
import { WaitError } from './wait-error.ts'

/** Long enough for two cores that something else keeps busy. */
export const WAIT_MS = 120_000

/**
 * Watches a collection until one of its objects satisfies `holds`, and answers that object.
 *
 * @param path a collection, with its selectors: `/api/v1/pods?fieldSelector=metadata.name%3Dx`
 * @param schema what is read of each object
 * @throws {WaitError} `ERR_E2E_WAIT` with the last states seen, after `timeoutMs`
 */
export async function waitForObject<T>(
  api: Api,
  path: string,
  schema: z.ZodType<T>,
  holds: (object: T, type: 'ADDED' | 'MODIFIED' | 'DELETED') => boolean,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<T> {
  const { what, timeoutMs = WAIT_MS } = options
  const timeout = AbortSignal.timeout(timeoutMs)
  const seen: unknown[] = []
  while (!timeout.aborted) {
    const stop = new AbortController()
    try {
      for await (const { type, object } of api.watch(
        path,
        AbortSignal.any([timeout, stop.signal]),
      )) {
        if (type === 'BOOKMARK' || type === 'ERROR') continue
        const read = schema.parse(object)
        seen.push(read)
        if (seen.length > SHOWN) seen.shift()
        if (holds(read, type)) return read
      }
    } finally {
      stop.abort()
    }
  }
  throw new WaitError(
    'ERR_E2E_WAIT',
    `${what}: not within ${timeoutMs} ms; last seen: ${JSON.stringify(seen)}`,
  )
}

const SHOWN = 3

/** Asks again and again, without a watch, until the answer is there. */
export async function waitUntil<T>(
  ask: () => Promise<T | undefined>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<T> {
  const { what, timeoutMs = WAIT_MS, everyMs = 100 } = options
  const end = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new WaitError('ERR_E2E_WAIT', `${what}: not within ${timeoutMs} ms`)
    await new Promise(resolve => setTimeout(resolve, everyMs))
  }
}
