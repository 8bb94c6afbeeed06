import { readFile } from 'node:fs/promises'
import { SimulatorError } from '../simulator-error.ts'

/**
 * A token of the platform, or where to read it: on a cluster it is another one after each start of the platform, so it is
 * read whenever a connection has been made. The platform writes it before it listens.
 */
export type TokenSource = string | (() => Promise<string>)

/** @throws {SimulatorError} `ERR_SIMULATOR_UNREACHABLE` where a token file cannot be read */
export function tokenOf(source: TokenSource): Promise<string> {
  return typeof source === 'string' ? Promise.resolve(source) : source()
}

/**
 * Reads a token from its file whenever it is asked for.
 *
 * @param path such as `/run/alcove-simulator/token`, which Allocate mounts
 */
export function tokenFile(path: string): TokenSource {
  return async () => {
    try {
      return await readFile(path, 'utf8')
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `no token of the simulated platform at ${path} (${reason}): is the simulator running on this node, and was its directory mounted by Allocate?`
      throw new SimulatorError('ERR_SIMULATOR_UNREACHABLE', message, { cause })
    }
  }
}
