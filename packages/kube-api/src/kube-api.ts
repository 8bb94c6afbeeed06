import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { z } from 'zod'
import type { ApiServer } from './in-cluster.ts'
import { KubeApiError } from './kube-api-error.ts'

/** A client of the API server. One request is one connection. */
export interface KubeApi {
  /**
   * GETs a path of the API, `/api/v1/nodes/NAME`, and reads the answer by a schema. Parts of the path that come from
   * outside are the caller's to encode.
   *
   * @throws {KubeApiError} `ERR_KUBE_CREDENTIALS`, `ERR_KUBE_UNREACHABLE`, `ERR_KUBE_STATUS`, `ERR_KUBE_ANSWER`
   */
  get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
}

export interface KubeApiOptions extends ApiServer {
  /** For one request, from connecting to the answer's last byte; 3,000 by default. */
  readonly timeoutMs?: number
  /** The most that an answer may hold; 4 MiB by default: a Node lists its images, and one of a busy cluster is large. */
  readonly maxBytes?: number
}

const TIMEOUT_MS = 3_000
const MAX_BYTES = 4 * 2 ** 20

/** A client that shows the token of the pod's service account, and verifies the server by the pod's certificates. */
export function kubeApi(options: KubeApiOptions): KubeApi {
  return {
    get: async (path, schema, signal) => {
      const answer = await send(options, path, signal)
      return read(path, schema, answer)
    },
  }
}

async function send(
  options: KubeApiOptions,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const [token, ca] = await Promise.all([credential(options.tokenFile), credential(options.caFile)])
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  const { host, port } = options
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({
        host,
        port,
        path,
        ca,
        agent: false,
        headers: { authorization: `Bearer ${token.trim()}`, accept: 'application/json' },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
        .once('response', resolve)
        .once('error', reject)
        .end()
    })
    const body = await bodyOf(response, options.maxBytes ?? MAX_BYTES, path)
    if (response.statusCode === 200) return body
    throw refusal(path, response.statusCode ?? 0, body)
  } catch (cause) {
    if (cause instanceof KubeApiError || signal?.aborted) throw cause
    const why = timeout.aborted ? 'no answer in time' : reasonOf(cause)
    const detail = `${host}:${port}: ${why}; can this pod reach the API server?`
    throw new KubeApiError('ERR_KUBE_UNREACHABLE', detail, { cause })
  }
}

async function credential(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const detail = `${path}: ${reasonOf(cause)}; has the pod automountServiceAccountToken: false?`
    throw new KubeApiError('ERR_KUBE_CREDENTIALS', detail, { cause })
  }
}

async function bodyOf(
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
      throw new KubeApiError('ERR_KUBE_ANSWER', `${path}: more than ${maxBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** As much of a Status object as says why. */
const Status = z.object({ message: z.string() })

function refusal(path: string, status: number, body: Uint8Array): KubeApiError {
  const said = Status.safeParse(json(body))
  const why = said.success ? said.data.message.slice(0, 500) : 'without a reason'
  return new KubeApiError('ERR_KUBE_STATUS', `${path}: HTTP ${status}: ${why}`, { status })
}

function read<T>(path: string, schema: z.ZodType<T>, body: Uint8Array): T {
  const result = schema.safeParse(json(body))
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new KubeApiError('ERR_KUBE_ANSWER', `${path}: ${problems.join('; ')}`)
}

/** `undefined` for what is not JSON, which no schema takes. */
function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return undefined
    throw cause
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
