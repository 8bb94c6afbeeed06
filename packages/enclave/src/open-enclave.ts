import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { AesmClient } from '@alcove/aesm'
import { type EnclaveElsewhere, openAesmPlatform } from './aesm-platform.ts'
import { type AttestationFiles, attestationFiles } from './attestation-files.ts'
import { type Enclave, enclaveOn } from './enclave.ts'
import { openGraminePlatform } from './gramine-platform.ts'
import { openSimulatedPlatform } from './simulated-platform.ts'

const ATTESTATION_DIRECTORY = '/dev/attestation'
const AESM_SOCKET = '/var/run/aesmd/aesm.socket'

export interface OpenEnclaveOptions {
  /** The program's folder, with its `enclave.json`, which the simulator reads; Gramine has loaded the enclave already. */
  readonly directory: string
  /** Where the container's paths start: `ALCOVE_ROOT` on an embedded node, else `/`. */
  readonly root?: string | undefined
  /** Gramine's files, where not below `root`. */
  readonly attestation?: AttestationFiles
}

/**
 * This program's enclave: the one that Gramine runs it in, where `/dev/attestation/attestation_type` is there; else one on the
 * simulated node that this container was given a device of.
 *
 * @throws {EnclaveError} `ERR_ENCLAVE_NO_DEVICE`, `ERR_ENCLAVE_DEVICE_REFUSED`, `ERR_ENCLAVE_NO_PLATFORM`,
 *   `ERR_ENCLAVE_OUT_OF_EPC`; under Gramine `ERR_ENCLAVE_ATTESTATION_FILE`
 */
export async function openEnclave(options: OpenEnclaveOptions): Promise<Enclave> {
  const root = options.root ?? '/'
  const files = options.attestation ?? attestationFiles(join(root, ATTESTATION_DIRECTORY))
  const type = await files.read('attestation_type')
  const platform =
    type === undefined
      ? await openSimulatedPlatform(root, options.directory, aesmBelow(root))
      : await openGraminePlatform(files, new TextDecoder().decode(type).trim())
  return enclaveOn(platform, randomBytes)
}

/**
 * An enclave that another runtime entered, seen from the process beside it.
 *
 * @param options.aesm the quote helper's client; by default at `/var/run/aesmd/aesm.socket`
 */
export async function openEnclaveElsewhere(
  enclave: EnclaveElsewhere,
  options: { readonly aesm?: AesmClient } = {},
): Promise<Enclave> {
  return enclaveOn(await openAesmPlatform(options.aesm ?? aesmBelow('/'), enclave), randomBytes)
}

function aesmBelow(root: string): AesmClient {
  return new AesmClient({ path: join(root, AESM_SOCKET) })
}
