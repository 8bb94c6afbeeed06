import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SimulatorError } from '../simulator-error.ts'
import { enclaveFolder } from './folder.ts'
import { parseManifest } from './manifest.ts'
import type { PlatformClient } from './platform-client.ts'
import type { LoadedEnclave } from './remote-enclave.ts'

/**
 * Loads the enclave that `enclave.json` in `directory` describes, with the files beside it.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_MANIFEST`, and as `PlatformClient.loadEnclave`
 */
export async function loadEnclave(
  platform: PlatformClient,
  directory: string,
): Promise<LoadedEnclave> {
  const path = join(directory, 'enclave.json')
  const json = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SimulatorError('ERR_SIMULATOR_MANIFEST', `cannot read ${path}: ${reason}`, { cause })
  })
  return platform.loadEnclave(parseManifest(json), enclaveFolder(directory))
}
