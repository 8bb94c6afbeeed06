import { type Environment, SettingsReader } from '@alcove/process'

/** Settings of the device plugin, read once from its environment. */
export interface DevicePluginSettings {
  /** Where the kubelet's registration socket is. */
  readonly kubeletDirectory: string
  /** `bytes`: a number in the node's status, and devices that are counted. `devices`: one device per MiB. */
  readonly epcMode: 'bytes' | 'devices'
  /** MiB of EPC that are not offered, in `bytes`: for the quoting enclaves of the quote helper. */
  readonly reservedEpcMiB: number
  /** Key of the taint that is taken off the node once its EPC can be had. */
  readonly startupTaint: string
  /** This node's name in the API server; `undefined` outside a cluster, where EPC can be offered as devices only. */
  readonly nodeName: string | undefined
  readonly node: NodeSettings
  /** Directory of the AESM socket, given to every container that gets EPC; the pod mounts it itself where this is not set. */
  readonly aesmDirectory: string | undefined
  /**
   * Of one container. Since Kubernetes 1.36 each id that it holds is an entry in its pod's status, 41 bytes of JSON, and its kubelet's next
   * restart takes longer by the number of the node's devices: docs/guides/epc-devices-mode.md. 16,384 are 0.7 MB of status, within
   * the 1.5 MiB that the API server's store takes in one request, with room for a second such container.
   */
  readonly maxDevicesPerContainer: number
  readonly cdi: CdiSettings
  /** Where the kubelet's probes are answered; 0: nowhere. */
  readonly probePort: number
}

/** Which node is offered, and how much of it is real. */
export interface NodeSettings {
  /** The node's file system as this process sees it: `/`, or `/host` in a container. */
  readonly hostRoot: string
  /** A simulated node's root, in place of the machine's own hardware. */
  readonly simulatedRoot: string | undefined
  /** On a cluster whose SGX is simulated: the simulator's directory on the node. `undefined` on hardware. */
  readonly simulatorDirectory: string | undefined
}

/** How a container that is not root comes into the group of a device that is reserved for one. */
export interface CdiSettings {
  /** `auto`: where the container runtime can, which is asked of the node's object in the API server. */
  readonly mode: 'auto' | 'on' | 'off'
  /** Where the container runtime looks for CDI specs, as this process sees it. */
  readonly directory: string
}

/** @throws {ConfigError} naming every wrong setting at once, unknown `DEVICE_PLUGIN_*` included. */
export function readSettings(environment: Environment): DevicePluginSettings {
  const reader = new SettingsReader(environment, 'DEVICE_PLUGIN_')
  const choice = choices(reader)
  const platform = choice('PLATFORM', reader.optional('PLATFORM'), ['hardware', 'simulated'])
  const simulator = reader.optional('SIMULATOR_DIR')
  const simulatedRoot = reader.optional('SIMULATED_ROOT')
  const epcMode = choice('EPC_MODE', reader.optional('EPC_MODE'), ['bytes', 'devices'])
  const nodeName = reader.optional('NODE_NAME')
  const cdiMode = reader.optional('CDI')
  const settings = {
    kubeletDirectory: reader.string('KUBELET_DIR', '/var/lib/kubelet/device-plugins'),
    epcMode,
    reservedEpcMiB: reader.integer('RESERVED_EPC_MIB', 4, 0, 1_000_000),
    startupTaint: reader.string(
      'STARTUP_TAINT',
      'startup-taint.cluster-autoscaler.kubernetes.io/sgx',
    ),
    nodeName,
    node: {
      hostRoot: reader.string('HOST_ROOT', '/'),
      simulatedRoot,
      simulatorDirectory:
        platform === 'simulated' ? (simulator ?? '/run/alcove-simulator') : undefined,
    },
    aesmDirectory: reader.optional('AESM_DIR'),
    probePort: reader.integer('PROBE_PORT', 0, 0, 65_535),
    maxDevicesPerContainer: reader.integer('MAX_DEVICES_PER_CONTAINER', 16_384, 1, 1_000_000),
    cdi: {
      mode: choice('CDI', cdiMode, ['auto', 'on', 'off']),
      directory: reader.string('CDI_DIR', '/var/run/cdi'),
    },
  }
  if (simulator !== undefined && platform !== 'simulated') {
    reader.problem('SIMULATOR_DIR', 'only with DEVICE_PLUGIN_PLATFORM=simulated')
  }
  if (simulatedRoot !== undefined && platform === 'simulated') {
    reader.problem('SIMULATED_ROOT', 'not with DEVICE_PLUGIN_PLATFORM=simulated: name one')
  }
  if (epcMode === 'bytes' && nodeName === undefined) {
    reader.problem(
      'NODE_NAME',
      'needed with EPC_MODE=bytes: EPC in bytes is kept in the node’s object',
    )
  }
  reader.end()
  return settings
}

/** Reads a setting that is one of several words; the first is what it is where it is not set. */
function choices(reader: SettingsReader) {
  return <T extends string>(
    name: string,
    text: string | undefined,
    words: readonly [T, ...T[]],
  ): T => {
    const [first] = words
    if (text === undefined) return first
    const chosen = words.find(word => word === text)
    if (chosen === undefined) {
      reader.problem(name, `want ${words.join(' or ')}, got '${text}'`)
    }
    return chosen ?? first
  }
}
