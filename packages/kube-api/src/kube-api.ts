import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { z } from 'zod'
import { bodyOf, read, reasonOf, refusal } from './answer.ts'
import type { ApiServer } from './in-cluster.ts'
import { KubeApiError } from './kube-api-error.ts'
import { readWatch, type WatchEvent } from './watch-stream.ts'

/**
 * A client of the API server. One request is one connection. Parts of a path that come from outside are the caller's to
 * encode.
 *
 * Every method throws {@link KubeApiError} `ERR_KUBE_CREDENTIALS`, `ERR_KUBE_UNREACHABLE`, `ERR_KUBE_STATUS` or
 * `ERR_KUBE_ANSWER`, and the signal's reason where the caller ended it.
 */
export interface KubeApi {
  /** GETs a path of the API, `/api/v1/nodes/NAME`, and reads the answer by a schema. */
  get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
  /** Applies a JSON merge patch (RFC 7396: `null` removes a key), and reads what the object is then. */
  patch<T>(path: string, patch: object, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
  /** POSTs an object to its collection, and reads what was made of it. */
  create<T>(path: string, object: object, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
  /**
   * What happens to a collection from a version on, until the API server ends the watch, as it does after some minutes.
   * Ends with `ERR_KUBE_UNREACHABLE` where nothing, no bookmark either, came for `silenceMs`.
   *
   * @param path the collection with its selectors: `/api/v1/nodes?fieldSelector=metadata.name%3DNAME`
   */
  watch(path: string, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent>
}

/** What also changes items of lists that it shares with other writers. */
export interface StrategicKubeApi extends KubeApi {
  /**
   * Applies a strategic merge patch: as {@link KubeApi.patch}, but where the API gives a list a merge key, as `type` of a node's
   * conditions, only the items that the patch names change; `{ type, $patch: 'delete' }` removes one.
   *
   * @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
   */
  strategicPatch<T>(
    path: string,
    patch: object,
    schema: z.ZodType<T>,
    signal?: AbortSignal,
  ): Promise<T>
}

/** What also takes objects away. */
export interface DeletingKubeApi extends StrategicKubeApi {
  /**
   * DELETEs one object. The answer, the object or a status, is not read: a dependent or a finalizer may keep it there for a while.
   *
   * @param options of a `DeleteOptions`: `{ propagationPolicy: 'Background' }`
   */
  delete(path: string, options?: object, signal?: AbortSignal): Promise<void>
}

export interface KubeApiOptions extends ApiServer {
  /** For one request, from connecting to the answer's last byte; 3,000 by default. */
  readonly timeoutMs?: number
  /** The most that an answer may hold, and one event of a watch; 4 MiB by default: a Node lists its images, and one of a busy cluster is large. */
  readonly maxBytes?: number
  /** How long a watch may be silent. API servers send a bookmark every minute; 150,000 by default. */
  readonly silenceMs?: number
}

const TIMEOUT_MS = 3_000
const MAX_BYTES = 4 * 2 ** 20
const SILENCE_MS = 150_000
/** 202: what is deleted goes once those that hold it let go. */
const ANSWERED: ReadonlySet<number> = new Set([200, 201, 202])
/** After which the API server ends a watch by itself. */
const WATCH_SECONDS = 600

interface Call {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST'
  readonly path: string
  readonly content?: { readonly type: string; readonly object: object }
  readonly signal: AbortSignal | undefined
}

/** A client that shows the token of the pod's service account, and verifies the server by the pod's certificates. */
export function kubeApi(options: KubeApiOptions): DeletingKubeApi {
  const ask = async <T>(call: Call, schema: z.ZodType<T>): Promise<T> =>
    read(call.path, schema, await answerTo(options, call))
  return {
    get: (path, schema, signal) => ask({ method: 'GET', path, signal }, schema),
    patch: (path, object, schema, signal) => {
      const content = { type: 'application/merge-patch+json', object }
      return ask({ method: 'PATCH', path, content, signal }, schema)
    },
    strategicPatch: (path, object, schema, signal) => {
      const content = { type: 'application/strategic-merge-patch+json', object }
      return ask({ method: 'PATCH', path, content, signal }, schema)
    },
    create: (path, object, schema, signal) => {
      const content = { type: 'application/json', object }
      return ask({ method: 'POST', path, content, signal }, schema)
    },
    delete: async (path, deletion, signal) => {
      const object = { kind: 'DeleteOptions', apiVersion: 'v1', ...deletion }
      const content = { type: 'application/json', object }
      await answerTo(options, { method: 'DELETE', path, content, signal })
    },
    watch: (path, resourceVersion, signal) => watch(options, path, resourceVersion, signal),
  }
}

async function answerTo(options: KubeApiOptions, call: Call): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  return guarded(options, call.signal, timeout, async signal => {
    const response = await send(options, { ...call, signal })
    const body = await bodyOf(response, options.maxBytes ?? MAX_BYTES, call.path)
    const status = response.statusCode ?? 0
    if (ANSWERED.has(status)) return body
    throw refusal(call.path, status, body)
  })
}

async function* watch(
  options: KubeApiOptions,
  collection: string,
  resourceVersion: string,
  callers: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { maxBytes = MAX_BYTES, silenceMs = SILENCE_MS } = options
  const query = new URLSearchParams({
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(WATCH_SECONDS),
    resourceVersion,
  })
  const path = `${collection}${collection.includes('?') ? '&' : '?'}${query}`
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), silenceMs)
  try {
    const signal = AbortSignal.any([callers, silence.signal])
    const response = await guarded(options, callers, silence.signal, () =>
      send(options, { method: 'GET', path, signal }),
    )
    if (response.statusCode !== 200) {
      const body = await bodyOf(response, maxBytes, path)
      throw refusal(path, response.statusCode ?? 0, body)
    }
    const events = readWatch(response, { path, maxBytes, onBytes: () => timer.refresh() })
    for (;;) {
      const next = await guarded(options, callers, silence.signal, () => events.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

/** Does a piece of work with the server, and tells its failure as ours. */
async function guarded<T>(
  { host, port }: ApiServer,
  callers: AbortSignal | undefined,
  timeout: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(callers === undefined ? timeout : AbortSignal.any([callers, timeout]))
  } catch (cause) {
    if (cause instanceof KubeApiError || callers?.aborted) throw cause
    const why = timeout.aborted ? 'no answer in time' : reasonOf(cause)
    const detail = `${host}:${port}: ${why}; can this pod reach the API server?`
    throw new KubeApiError('ERR_KUBE_UNREACHABLE', detail, { cause })
  }
}

async function send(options: ApiServer, call: Call): Promise<IncomingMessage> {
  const [token, ca] = await Promise.all([credential(options.tokenFile), credential(options.caFile)])
  const { host, port } = options
  const { method, path, content, signal } = call
  const headers = { authorization: `Bearer ${token.trim()}`, accept: 'application/json' }
  const body = content === undefined ? undefined : Buffer.from(JSON.stringify(content.object))
  // The length in any case: of a DELETE Node.js would else send the body unannounced.
  const announced = body && { 'content-type': content?.type, 'content-length': body.length }
  return new Promise<IncomingMessage>((resolve, reject) => {
    request({
      host,
      port,
      method,
      path,
      ca,
      agent: false,
      headers: { ...headers, ...announced },
      ...(signal === undefined ? {} : { signal }),
    })
      .once('response', resolve)
      .once('error', reject)
      .end(body)
  })
}

async function credential(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const detail = `${path}: ${reasonOf(cause)}; has the pod automountServiceAccountToken: false?`
    throw new KubeApiError('ERR_KUBE_CREDENTIALS', detail, { cause })
  }
}
