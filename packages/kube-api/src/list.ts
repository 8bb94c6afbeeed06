import { z } from 'zod'
import { readObject } from './answer.ts'
import type { KubeApi } from './kube-api.ts'
import { KubeApiError } from './kube-api-error.ts'

export interface ListOptions<T> {
  readonly api: Pick<KubeApi, 'get'>
  /** A collection with its selectors: `/api/v1/pods?fieldSelector=spec.nodeName%3DNAME` */
  readonly path: string
  /** What is kept of each object. */
  readonly schema: z.ZodType<T>
  readonly signal?: AbortSignal
}

export interface Collection<T> {
  /** By uid. */
  readonly objects: Map<string, T>
  /** Which the list is of, and a watch goes on from. */
  readonly resourceVersion: string
}

/** How many objects one answer holds; fewer where they are so large that it would be cut off. */
const PAGE = 100

const Page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().default('') }),
  items: z.array(z.looseObject({ metadata: z.looseObject({ uid: z.string() }) })),
})

/**
 * Reads a whole collection, a page at a time.
 *
 * @throws {KubeApiError} as {@link KubeApi}; of status 410 where a page came too late for the ones before
 */
export async function listCollection<T>(options: ListOptions<T>): Promise<Collection<T>> {
  const { api, path, schema, signal } = options
  const objects = new Map<string, T>()
  let limit = PAGE
  for (let next = ''; ; ) {
    const query = new URLSearchParams({ limit: String(limit), ...(next && { continue: next }) })
    const address = `${path}${path.includes('?') ? '&' : '?'}${query}`
    const page = await api.get(address, Page, signal).catch((error: unknown) => {
      if (isTooLarge(error) && limit > 1) return undefined
      throw error
    })
    if (page === undefined) {
      limit = Math.ceil(limit / 8)
      continue
    }
    for (const item of page.items) {
      objects.set(item.metadata.uid, readObject(path, schema, item))
    }
    next = page.metadata.continue
    if (next === '') return { objects, resourceVersion: page.metadata.resourceVersion }
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof KubeApiError && error.tooLarge
}
