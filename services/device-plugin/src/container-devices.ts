import { join } from 'node:path'
import type { ContainerAllocation } from '@alcove/kubelet'
import type { DevicePluginSettings, NodeSettings } from './settings.ts'

/** Where a container finds the simulated platform, if there is one. */
export const SIMULATOR_CONTAINER_PATH = '/run/alcove-simulator'
/** Where it finds what stands for the provision device's permission, on a cluster whose SGX is simulated. */
export const PROVISION_CONTAINER_PATH = '/run/alcove-simulator-provision'

/** A device inside a container, under both generations of paths: programs look for either. */
const containerPaths = {
  enclave: ['/dev/sgx_enclave', '/dev/sgx/enclave'],
  provision: ['/dev/sgx_provision', '/dev/sgx/provision'],
} as const

export type Role = keyof typeof containerPaths

/**
 * The device node of a role, read and write, under the paths of both generations.
 *
 * @param path where the node's driver puts it, as the node knows it
 */
export function containerDevices(
  role: Role,
  path: string,
  node: NodeSettings,
): ContainerAllocation['devices'] {
  const hostPath = pathOnNode(node, path)
  return containerPaths[role].map(containerPath => ({ hostPath, containerPath, permissions: 'rw' }))
}

const AESM_CONTAINER_PATH = '/var/run/aesmd'

/** The directory of the AESM socket, read-only, for who runs enclaves, where it is to be given without being asked for. */
export function aesmMounts(
  role: Role,
  { aesmDirectory }: Pick<DevicePluginSettings, 'aesmDirectory'>,
): ContainerAllocation['mounts'] {
  if (aesmDirectory === undefined || role !== 'enclave') return []
  return [{ hostPath: aesmDirectory, containerPath: AESM_CONTAINER_PATH, readOnly: true }]
}

/** The simulated platform, read-only, where there is one: for each role, what it alone gets. */
export function simulatorMounts(role: Role, node: NodeSettings): ContainerAllocation['mounts'] {
  const hostPath = simulatorDirectory(role, node)
  const containerPath = role === 'enclave' ? SIMULATOR_CONTAINER_PATH : PROVISION_CONTAINER_PATH
  return hostPath === undefined ? [] : [{ hostPath, containerPath, readOnly: true }]
}

function simulatorDirectory(role: Role, node: NodeSettings): string | undefined {
  if (node.simulatorDirectory !== undefined) return join(node.simulatorDirectory, role)
  // below a simulated root a device is a file that holds its token: nothing but the socket has to be mounted
  const inRoot = node.simulatedRoot !== undefined && role === 'enclave'
  return inRoot ? pathOnNode(node, SIMULATOR_CONTAINER_PATH) : undefined
}

/** The kubelet's name for a node path: below the simulated root where there is one. */
function pathOnNode(node: NodeSettings, path: string): string {
  return node.simulatedRoot === undefined ? path : join(node.simulatedRoot, path)
}
