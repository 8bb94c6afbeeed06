import { setTimeout as delay } from 'node:timers/promises'
import type { z } from 'zod'
import { readObject } from './answer.ts'
import type { KubeApi } from './kube-api.ts'
import { KubeApiError } from './kube-api-error.ts'
import { listCollection } from './list.ts'

export interface FollowOptions<T> {
  readonly api: Pick<KubeApi, 'get' | 'watch'>
  /** A collection with its selectors: `/api/v1/pods?fieldSelector=spec.nodeName%3DNAME` */
  readonly path: string
  /** What is kept of each object. */
  readonly schema: z.ZodType<T>
  /** With the whole collection by uid, at first and after each change. The map is one and the same. */
  readonly onChange: (objects: ReadonlyMap<string, T>) => void
  /** Once for each new reason why the collection is not followed just now; what was seen last still stands. */
  readonly onFailure: (reason: string) => void
  readonly signal: AbortSignal
  readonly firstRetryMs?: number
}

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

/**
 * Follows a collection by a list and watches from there on, until `signal` aborts. Asks nothing while nothing happens.
 *
 * @throws {Error} what is not a {@link KubeApiError}: those are told to `onFailure`, and it is tried again
 */
export async function followCollection<T>(options: FollowOptions<T>): Promise<void> {
  const { signal, firstRetryMs = FIRST_RETRY_MS } = options
  let told: string | undefined
  let retryMs = firstRetryMs
  while (!signal.aborted) {
    try {
      const { objects, resourceVersion } = await listCollection(options)
      let version = resourceVersion
      options.onChange(objects)
      while (!signal.aborted) {
        const began = performance.now()
        version = await watchFrom(options, objects, version)
        told = undefined
        if (performance.now() - began > LAST_RETRY_MS) retryMs = firstRetryMs
        else retryMs = await pause(retryMs, signal) // of a server that ends each watch at once
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof KubeApiError)) throw error
      // 410: the version is too old to watch from, which a list mends
      if (error.status !== 410 && told !== error.message) options.onFailure(error.message)
      told = error.message
    }
    retryMs = await pause(retryMs, signal)
  }
}

/** Answers how long to wait the next time. */
async function pause(ms: number, signal: AbortSignal): Promise<number> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
  return Math.min(ms * 2, LAST_RETRY_MS)
}

/** Answers the version to go on from, after the server has ended the watch. */
async function watchFrom<T>(
  { api, path, schema, onChange, signal }: FollowOptions<T>,
  objects: Map<string, T>,
  from: string,
): Promise<string> {
  let version = from
  for await (const event of api.watch(path, version, signal)) {
    version = event.resourceVersion
    if (event.type === 'BOOKMARK') continue
    if (event.type === 'DELETED') objects.delete(event.uid)
    else objects.set(event.uid, readObject(path, schema, event.object))
    onChange(objects)
  }
  return version
}
