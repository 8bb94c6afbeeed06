import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSgx, simulatedHost } from '@alcove/host'
import { ConfigError } from '@alcove/process'
import {
  deviceNames,
  openDeviceNode,
  type SimulatedQuotingOptions,
  SimulatorError,
  tokenFile,
} from '@alcove/simulator/client'

/** Where the simulated platform's socket is: below an embedded node's root, and in a container that was allocated EPC. */
const PLATFORM_SOCKET = 'run/alcove-simulator/platform.socket'
/** Where Allocate of the provision device mounts what stands for opening it. */
const PROVISION_TOKEN = 'run/alcove-simulator-provision/token'

/**
 * The platform of an embedded node. Whoever may read the provisioning device may use the quoting enclaves.
 *
 * @throws {ConfigError} for a root without a provision device
 */
export async function embeddedPlatform(root: string): Promise<SimulatedQuotingOptions> {
  const { provisionDevice } = await readSgx(await simulatedHost(root))
  if (provisionDevice === undefined) {
    throw new ConfigError([`QUOTE_HELPER_SIMULATED_ROOT: ${root} has no provision device`])
  }
  const token = await readFile(join(root, provisionDevice.path), 'utf8')
  return { path: join(root, PLATFORM_SOCKET), token }
}

/**
 * The platform behind the devices that this container was allocated: both are opened before each connection, as a quote
 * helper on silicon opens them to load its enclaves.
 *
 * @param root where the container's paths start
 */
export function allocatedPlatform(root: string): SimulatedQuotingOptions {
  return {
    path: join(root, PLATFORM_SOCKET),
    token: tokenFile(join(root, PROVISION_TOKEN)),
    beforeOpening: async () => {
      await requireDevice(root, 'enclave', 'sgx.intel.com/enclave: 1')
      await requireDevice(root, 'provision', 'sgx.intel.com/provision: 1')
    },
  }
}

/** @throws {SimulatorError} `ERR_SIMULATOR_NOT_PERMITTED`, which AESM’s clients are answered as 30, service unavailable */
async function requireDevice(
  root: string,
  role: 'enclave' | 'provision',
  limit: string,
): Promise<void> {
  const opening = await openDeviceNode(root, role)
  if (opening.found === 'device') return
  const found =
    opening.found === 'refused'
      ? `${opening.path} may not be opened (${opening.errno})`
      : `neither ${deviceNames(role)} is here as a device`
  throw new SimulatorError(
    'ERR_SIMULATOR_NOT_PERMITTED',
    `${found}: the quote helper needs the limit ${limit}, and the device plugin on this node`,
  )
}
