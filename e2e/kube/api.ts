import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { ApiError } from './api-error.ts'

export interface ApiResponse {
  readonly status: number
  readonly body: string
}

/** The API server, as the administrator sees it. */
export interface Api {
  /** @throws {ApiError} `ERR_API_STATUS` for another status than 2xx */
  get(path: string): Promise<unknown>
  create(path: string, object: unknown): Promise<unknown>
  /** A merge patch. */
  patch(path: string, change: unknown): Promise<unknown>
  delete(path: string, options?: unknown): Promise<unknown>
  raw(method: string, path: string, body?: unknown, type?: string): Promise<ApiResponse>
  /** The events of a watch, until `signal` aborts or the server ends it. `path` has its query, without `watch`. */
  watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent>
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: unknown
}

/** @param socketPath where `kubectl proxy` listens */
export function connectApi(socketPath: string): Api {
  const raw: Api['raw'] = async (method, path, body, type = 'application/json') => {
    const response = await respond(socketPath, method, path, body, type)
    return { status: response.statusCode ?? 0, body: await text(response) }
  }
  const json = async (
    method: string,
    path: string,
    body?: unknown,
    type?: string,
  ): Promise<unknown> => {
    const response = await raw(method, path, body, type)
    if (response.status < 200 || response.status > 299) throw new ApiError(method, path, response)
    return JSON.parse(response.body)
  }
  return {
    raw,
    get: path => json('GET', path),
    create: (path, object) => json('POST', path, object),
    patch: (path, change) => json('PATCH', path, change, 'application/merge-patch+json'),
    delete: (path, options) => json('DELETE', path, options),
    watch: (path, signal) => watch(socketPath, path, signal),
  }
}

async function* watch(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const address = `${path}${path.includes('?') ? '&' : '?'}watch=true`
  const response = await respond(socketPath, 'GET', address, undefined, undefined, signal)
  const status = response.statusCode ?? 0
  if (status !== 200) throw new ApiError('GET', address, { status, body: await text(response) })
  response.setEncoding('utf8')
  let rest = ''
  try {
    for await (const chunk of response) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line)
    }
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}

function respond(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  type?: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = {
    host: 'localhost',
    ...(bytes && { 'content-type': type, 'content-length': bytes.byteLength }),
  }
  const outgoing = request(
    { socketPath, method, path, headers, ...(signal && { signal }) },
    resolve,
  )
  outgoing.on('error', reject)
  outgoing.end(bytes)
  return promise
}
