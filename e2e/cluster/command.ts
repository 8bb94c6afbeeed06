import { execFile } from 'node:child_process'
import { ClusterError } from './cluster-error.ts'

const MAX_OUTPUT_BYTES = 64 * 2 ** 20
const MAX_QUOTED = 2000

/**
 * Runs a program to its end and answers what it printed.
 *
 * @throws {ClusterError} `ERR_CLUSTER_COMMAND` with what it said, for another exit code than 0
 */
export async function command(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = execFile(
    program,
    [...args],
    { maxBuffer: MAX_OUTPUT_BYTES, ...(options.signal && { signal: options.signal }) },
    (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(failed([program, ...args].join(' '), stderr.trim() || error.message, error))
    },
  )
  child.stdin?.on('error', () => undefined) // it ended without reading: its exit code says why
  child.stdin?.end(options.input ?? '')
  return promise
}

function failed(line: string, said: string, cause: Error): ClusterError {
  const text = said.length > MAX_QUOTED ? `…${said.slice(-MAX_QUOTED)}` : said
  return new ClusterError('ERR_CLUSTER_COMMAND', `${line}: ${text}`, { cause })
}
