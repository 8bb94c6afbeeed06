import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { AesmClient } from '@alcove/aesm'
import { encodeKeyRequest, type KeyRequest } from '@alcove/sgx'
import {
  connectPlatform,
  deviceNames,
  type LoadedEnclave,
  loadEnclave,
  openDeviceNode,
  SimulatorError,
  type TokenSource,
  tokenFile,
} from '@alcove/simulator/client'
import { EnclaveError } from './enclave-error.ts'
import { type EnclavePlatform, identityFrom } from './platform.ts'

/** Where Allocate mounts the simulated platform's directory. */
const PLATFORM_SOCKET = '/run/alcove-simulator/platform.socket'
const PLATFORM_TOKEN = '/run/alcove-simulator/token'

/**
 * Loads the enclave that `directory/enclave.json` describes on the simulated node that this container was given a device of.
 *
 * @param root where the container's paths start
 * @throws {EnclaveError} `ERR_ENCLAVE_NO_DEVICE`, `ERR_ENCLAVE_DEVICE_REFUSED`, `ERR_ENCLAVE_NO_PLATFORM`,
 *   `ERR_ENCLAVE_OUT_OF_EPC`
 */
export async function openSimulatedPlatform(
  root: string,
  directory: string,
  aesm: AesmClient,
): Promise<EnclavePlatform> {
  const token = await openDevice(root)
  const socket = join(root, PLATFORM_SOCKET)
  if (!(await exists(socket))) {
    throw new EnclaveError(
      'ERR_ENCLAVE_NO_PLATFORM',
      `nothing here runs enclaves: /dev/attestation, as under Gramine, is not here, nor is a simulated platform, ${PLATFORM_SOCKET}; start a simulated node with npm start and use alcove run, or run the program under gramine-sgx`,
    )
  }
  const platform = await connectPlatform(socket, token)
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

/** Opens the enclave device, as on silicon, and says where the token is that the platform behind it asks for. */
async function openDevice(root: string): Promise<TokenSource> {
  const opening = await openDeviceNode(root, 'enclave')
  switch (opening.found) {
    case 'token':
      return opening.token
    case 'device':
      return tokenFile(join(root, PLATFORM_TOKEN))
    case 'refused':
      throw new EnclaveError(
        'ERR_ENCLAVE_DEVICE_REFUSED',
        `${opening.path} is in this container, and may not be opened (${opening.errno}): ${refusalCause(opening.errno)}`,
      )
    case 'nothing':
      throw new EnclaveError(
        'ERR_ENCLAVE_NO_DEVICE',
        `no enclave device: neither ${deviceNames('enclave')} is in this container; ask for EPC: limits kubernetes.azure.com/sgx_epc_mem_in_MiB: 10 in the pod, or alcove run --epc 10`,
      )
  }
}

/** The device cgroup says EPERM (Linux, security/device_cgroup.c), the file's own permissions EACCES. */
function refusalCause(errno: string): string {
  switch (errno) {
    case 'EPERM':
      return 'the container’s device cgroup refuses it, since it was not allocated; ask for EPC: limits kubernetes.azure.com/sgx_epc_mem_in_MiB: 10 in the pod, and neither make nor mount the device yourself'
    case 'EACCES':
      return 'this process has neither its owner nor its group; have the device plugin give the group by CDI, or name it in the pod’s securityContext.supplementalGroups'
    default:
      return 'there is no driver behind it; alcove doctor on the node says what is missing'
  }
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
