import type { ContainerAllocation, Device, DevicePlugin } from '@alcove/kubelet'

/** AKS's first-generation name: an integer count of MiB. */
export const EPC_RESOURCE = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'

/** The enclave device inside a container, under both generations of paths: programs look for either. */
const CONTAINER_PATHS = ['/dev/sgx_enclave', '/dev/sgx/enclave'] as const

const MIB = 1024 * 1024

/** What this node gives to a container that asks for EPC. Paths are the kubelet's: those of the node itself. */
export interface EpcOffer {
  readonly epcBytes: number
  /** The enclave device node, wherever the driver puts it. */
  readonly enclaveDevice: string
  /** Directory of the AESM socket, if Allocate is to mount it. */
  readonly aesmDirectory: string | undefined
  /** Directory of the simulated platform's socket; only where the plugin was told that its node is simulated. */
  readonly simulatorDirectory: string | undefined
}

/** Where a container finds the simulated platform, if there is one. */
export const SIMULATOR_CONTAINER_PATH = '/run/alcove-simulator'
const AESM_CONTAINER_PATH = '/var/run/aesmd'

/**
 * EPC as one device per MiB. Which MiB a container was given means nothing to the hardware: the count is what the
 * scheduler places by, and every container gets the same device nodes. Ids are short (`e` and a number in base 36), so
 * that a list of 192 GiB still fits into the one message that the kubelet receives; 256 GiB does not, and is refused.
 */
export function epcPlugin(offer: EpcOffer): DevicePlugin {
  const devices: readonly Device[] = Array.from(
    { length: Math.floor(offer.epcBytes / MIB) },
    (_, index) => ({ id: `e${index.toString(36)}`, healthy: true }),
  )
  const allocation = allocationOf(offer)
  return {
    resourceName: EPC_RESOURCE,
    devices: () => devices,
    allocate: () => allocation,
  }
}

function allocationOf(offer: EpcOffer): ContainerAllocation {
  const mounts = [
    { hostPath: offer.aesmDirectory, containerPath: AESM_CONTAINER_PATH, readOnly: true },
    { hostPath: offer.simulatorDirectory, containerPath: SIMULATOR_CONTAINER_PATH, readOnly: true },
  ]
  return {
    devices: CONTAINER_PATHS.map(containerPath => ({
      hostPath: offer.enclaveDevice,
      containerPath,
      permissions: 'rw',
    })),
    mounts: mounts.flatMap(mount =>
      mount.hostPath === undefined ? [] : [{ ...mount, hostPath: mount.hostPath }],
    ),
    envs: {},
    annotations: {},
    cdiDevices: [],
  }
}
