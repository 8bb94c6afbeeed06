import { type ChildProcess, spawn } from 'node:child_process'
import { CodedError } from '@alcove/bytes'
import type { z } from 'zod'
import { plainText } from '../plain-text.ts'

/** How a person reaches their cluster; what is not said is as kubectl has it. */
export interface KubectlOptions {
  /** Path or name of kubectl; `kubectl` of PATH where nothing is said. */
  readonly kubectl?: string
  readonly context?: string
  readonly kubeconfig?: string
}

export type KubectlErrorCode = 'ERR_KUBECTL_ABSENT' | 'ERR_KUBECTL_FAILED' | 'ERR_KUBECTL_ANSWER'

/** kubectl could not be run, failed, or printed something else than what was asked for. */
export class KubectlError extends CodedError<KubectlErrorCode> {}

/** Reads a path of the API, `/api/v1/nodes`, by a schema. @throws {KubectlError} */
export type KubeGet = <T>(path: string, schema: z.ZodType<T>) => Promise<T>

export interface KubectlDeps {
  /** The whole of it is kubectl's: plug-ins that log in read variables of their own. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** For one answer; 60,000 by default. */
  readonly timeoutMs?: number
  /** 128 MiB by default: 500 pods of which each holds 16,384 devices are less. */
  readonly maxBytes?: number
}

const TIMEOUT_MS = 60_000
const MAX_BYTES = 128 * 2 ** 20
const MAX_STDERR = 65_536

/** Asks the API server through kubectl, so that every way of logging in that it knows works. */
export function kubectlGet(options: KubectlOptions, deps: KubectlDeps): KubeGet {
  const { kubectl = 'kubectl', context, kubeconfig } = options
  const connection = [
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
  ]
  return async (path, schema) => {
    const text = await output(kubectl, [...connection, 'get', '--raw', path], deps)
    const result = schema.safeParse(json(text))
    if (result.success) return result.data
    const problems = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
    const detail = `${path}: ${plainText(problems.slice(0, 3).join('; '))}`
    throw new KubectlError('ERR_KUBECTL_ANSWER', detail)
  }
}

async function output(
  command: string,
  words: readonly string[],
  { environment, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES }: KubectlDeps,
): Promise<string> {
  const child = spawn(command, words, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const first = 'does `kubectl get nodes` work? A login that asks something is done by it first'
    const detail = `kubectl gave no answer in ${timeoutMs / 1000} s; ${first}`
    late.reject(new KubectlError('ERR_KUBECTL_FAILED', detail))
  }, timeoutMs)
  try {
    const whole = Promise.all([
      bounded(child.stdout, maxBytes, words.at(-1) ?? ''),
      tail(child.stderr),
      ended(child, command),
    ])
    const [stdout, stderr, code] = await Promise.race([whole, late.promise])
    if (code === 0) return stdout
    throw new KubectlError('ERR_KUBECTL_FAILED', lastLine(stderr, code))
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    // a plug-in of its own may hold them still
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

/** Its exit code; `undefined` where a signal ended it. */
async function ended(child: ChildProcess, command: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  child.once('close', code => resolve(code ?? undefined))
  child.once('error', cause => {
    const remedy =
      'install kubectl (https://kubernetes.io/docs/tasks/tools/), or name it by --kubectl FILE'
    const detail = `${command} cannot be run (${cause.message}): ${remedy}`
    reject(new KubectlError('ERR_KUBECTL_ABSENT', detail, { cause }))
  })
  return promise
}

/** @throws {KubectlError} `ERR_KUBECTL_ANSWER` for more than may be */
async function bounded(
  stream: AsyncIterable<unknown>,
  maxBytes: number,
  path: string,
): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of stream) {
    if (!(part instanceof Uint8Array)) continue
    bytes += part.byteLength
    if (bytes > maxBytes) {
      throw new KubectlError('ERR_KUBECTL_ANSWER', `${path}: more than ${maxBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

async function tail(stream: AsyncIterable<unknown>): Promise<string> {
  let kept = Buffer.alloc(0)
  for await (const part of stream) {
    if (part instanceof Uint8Array) kept = Buffer.concat([kept, part]).subarray(-MAX_STDERR)
  }
  return kept.toString('utf8')
}

function lastLine(stderr: string, code: number | undefined): string {
  const line = stderr
    .split('\n')
    .map(one => plainText(one).trim())
    .findLast(one => one !== '')
  const why = line?.slice(0, 500) ?? 'it said nothing'
  return `kubectl ${code === undefined ? 'was ended' : `exited with ${code}`}: ${why}`
}

/** `undefined` for what is not JSON, which no schema takes. */
function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
