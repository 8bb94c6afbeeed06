import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AesmClient } from '@alcove/aesm'
import { encodeKeyRequest, type KeyRequest } from '@alcove/sgx'
import {
  connectPlatform,
  deviceNames,
  type LoadedEnclave,
  loadEnclave,
  openDeviceNode,
  type PlatformClient,
  SimulatorError,
  type TokenSource,
  tokenFile,
} from '@alcove/simulator/client'
import { EnclaveError } from './enclave-error.ts'
import { type EnclavePlatform, identityFrom } from './platform.ts'

/** Where Allocate mounts the simulated platform's directory. */
const PLATFORM_DIRECTORY = '/run/alcove-simulator'
const PLATFORM_SOCKET: string = join(PLATFORM_DIRECTORY, 'platform.socket')
const PLATFORM_TOKEN: string = join(PLATFORM_DIRECTORY, 'token')

/**
 * On silicon the CPU is there before any program. A pod's simulator may start after it, as on a node that boots, or anew: it
 * is tried this often, this many milliseconds apart.
 */
const patience = { tries: 100, everyMs: 100 }

/**
 * Loads the enclave that `directory/enclave.json` describes on the simulated node that this container was given a device of.
 *
 * @param root where the container's paths start
 * @param waiting how long a pod's platform is waited for
 * @throws {EnclaveError} `ERR_ENCLAVE_NO_DEVICE`, `ERR_ENCLAVE_DEVICE_REFUSED`, `ERR_ENCLAVE_NO_PLATFORM`,
 *   `ERR_ENCLAVE_OUT_OF_EPC`
 */
export async function openSimulatedPlatform(
  root: string,
  directory: string,
  aesm: AesmClient,
  waiting: typeof patience = patience,
): Promise<EnclavePlatform> {
  const { token, isPod } = await openDevice(root)
  const socket = join(root, PLATFORM_SOCKET)
  if (!(await exists(isPod ? dirname(socket) : socket))) {
    throw new EnclaveError(
      'ERR_ENCLAVE_NO_PLATFORM',
      `nothing here runs enclaves: /dev/attestation, as under Gramine, is not here, nor is a simulated platform, ${PLATFORM_SOCKET}; start a simulated node with npm start and use alcove run, or run the program under gramine-sgx`,
    )
  }
  const platform = await connected(socket, token, isPod ? waiting : { tries: 1, everyMs: 0 })
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

/** @throws {SimulatorError} what the last try was refused with */
async function connected(
  socket: string,
  token: TokenSource,
  { tries, everyMs }: typeof patience,
): Promise<PlatformClient> {
  for (let left = tries - 1; ; left--) {
    try {
      return await connectPlatform(socket, token)
    } catch (error) {
      if (left === 0 || !isRestart(error)) throw error
      await delay(everyMs)
    }
  }
}

/** What a platform that is about to serve, and has other tokens then, looks like from here. */
function isRestart(error: unknown): boolean {
  return (
    error instanceof SimulatorError &&
    (error.code === 'ERR_SIMULATOR_UNREACHABLE' || error.code === 'ERR_SIMULATOR_NOT_PERMITTED')
  )
}

/** Opens the enclave device, as on silicon, and says where the token is that the platform behind it asks for. */
async function openDevice(root: string): Promise<{ token: TokenSource; isPod: boolean }> {
  const opening = await openDeviceNode(root, 'enclave')
  switch (opening.found) {
    case 'token':
      return { token: opening.token, isPod: false }
    case 'device':
      return { token: tokenFile(join(root, PLATFORM_TOKEN)), isPod: true }
    case 'refused':
      throw new EnclaveError(
        'ERR_ENCLAVE_DEVICE_REFUSED',
        `${opening.path} is in this container, and may not be opened (${opening.errno}): ${refusalCause(opening.errno)}`,
      )
    case 'nothing':
      throw new EnclaveError(
        'ERR_ENCLAVE_NO_DEVICE',
        `no enclave device: neither ${deviceNames('enclave')} is in this container; ask for EPC: limits sgx.intel.com/epc: 10Mi and sgx.intel.com/enclave: 1 in the pod, or alcove run --epc 10`,
      )
  }
}

/** The device cgroup says EPERM (Linux, security/device_cgroup.c), the file's own permissions EACCES. */
function refusalCause(errno: string): string {
  switch (errno) {
    case 'EPERM':
      return 'the container’s device cgroup refuses it, since it was not allocated; ask for EPC: limits sgx.intel.com/epc: 10Mi and sgx.intel.com/enclave: 1 in the pod, and neither make nor mount the device yourself'
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
