import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AesmClient } from '@alcove/aesm'
import { encodeKeyRequest, type KeyRequest } from '@alcove/sgx'
import {
  connectPlatform,
  type LoadedEnclave,
  loadEnclave,
  SimulatorError,
} from '@alcove/simulator/client'
import { EnclaveError } from './enclave-error.ts'
import { type EnclavePlatform, identityFrom } from './platform.ts'

/** Where Allocate puts the enclave device: programs look for either generation's path. */
const DEVICE_PATHS = ['/dev/sgx_enclave', '/dev/sgx/enclave'] as const
const PLATFORM_SOCKET = '/run/alcove-simulator/platform.socket'

/**
 * Loads the enclave that `directory/enclave.json` describes on the simulated node that this container was given a device of.
 *
 * @param root where the container's paths start
 * @throws {EnclaveError} `ERR_ENCLAVE_NO_DEVICE`, `ERR_ENCLAVE_NO_PLATFORM`, `ERR_ENCLAVE_OUT_OF_EPC`
 */
export async function openSimulatedPlatform(
  root: string,
  directory: string,
  aesm: AesmClient,
): Promise<EnclavePlatform> {
  const device = await findDevice(root)
  const socket = join(root, PLATFORM_SOCKET)
  if (!(await exists(socket))) {
    throw new EnclaveError(
      'ERR_ENCLAVE_NO_PLATFORM',
      `nothing here runs enclaves: /dev/attestation, as under Gramine, is not here, nor is a simulated platform, ${PLATFORM_SOCKET}; start a simulated node with npm start and use alcove run, or run the program under gramine-sgx`,
    )
  }
  const platform = await connectPlatform(socket, await readFile(device, 'utf8'))
  try {
    const enclave = await loadEnclave(platform, directory)
    return {
      kind: 'simulator',
      keySource: 'egetkey',
      identity: await identityFrom((target, data) => enclave.report(target, data)),
      report: (target, data) => enclave.report(target, data),
      quote: data => aesm.quoteWith(target => enclave.report(target, data)),
      getKey: request => getKey(enclave, request),
      [Symbol.asyncDispose]: () => platform.close(),
    }
  } catch (error) {
    await platform.close()
    throw asOutOfEpc(error) ?? error
  }
}

async function getKey(enclave: LoadedEnclave, request: KeyRequest): Promise<Uint8Array> {
  try {
    return await enclave.getKey(encodeKeyRequest(request))
  } catch (cause) {
    if (!(cause instanceof SimulatorError) || !cause.code.startsWith('ERR_SIMULATOR_KEY_'))
      throw cause
    throw new EnclaveError('ERR_ENCLAVE_KEY_REFUSED', cause.message, { cause })
  }
}

async function findDevice(root: string): Promise<string> {
  for (const path of DEVICE_PATHS) {
    const device = join(root, path)
    if (await exists(device)) return device
  }
  throw new EnclaveError(
    'ERR_ENCLAVE_NO_DEVICE',
    `no enclave device: neither ${DEVICE_PATHS.join(' nor ')} is in this container; ask for EPC: limits kubernetes.azure.com/sgx_epc_mem_in_MiB: 10 in the pod, or alcove run --epc 10`,
  )
}

function asOutOfEpc(error: unknown): EnclaveError | undefined {
  if (!(error instanceof SimulatorError) || error.code !== 'ERR_SIMULATOR_OUT_OF_EPC')
    return undefined
  return new EnclaveError(
    'ERR_ENCLAVE_OUT_OF_EPC',
    `the node's EPC is spent: ${error.message}; lower heapMiB in enclave.json, or wait until other enclaves end`,
    { cause: error },
  )
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
