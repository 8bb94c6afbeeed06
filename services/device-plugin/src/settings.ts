import { type Environment, SettingsReader } from '@alcove/process'

/** Settings of the device plugin, read once from its environment. */
export interface DevicePluginSettings {
  /** Where the kubelet's registration socket is. */
  readonly kubeletDirectory: string
  /** The node's file system as this process sees it: `/`, or `/host` in a container. */
  readonly hostRoot: string
  /** A simulated node's root, in place of the machine's own hardware. */
  readonly simulatedRoot: string | undefined
  /** Directory of the AESM socket, given to every container that gets EPC; the pod mounts it itself where this is not set. */
  readonly aesmDirectory: string | undefined
}

/** @throws {ConfigError} naming every wrong setting at once, unknown `DEVICE_PLUGIN_*` included. */
export function readSettings(environment: Environment): DevicePluginSettings {
  const reader = new SettingsReader(environment, 'DEVICE_PLUGIN_')
  const settings = {
    kubeletDirectory: reader.string('KUBELET_DIR', '/var/lib/kubelet/device-plugins'),
    hostRoot: reader.string('HOST_ROOT', '/'),
    simulatedRoot: reader.optional('SIMULATED_ROOT'),
    aesmDirectory: reader.optional('AESM_DIR'),
  }
  reader.end()
  return settings
}
