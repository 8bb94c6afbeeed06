import { join } from 'node:path'
import { type Host, mountedHost, readSgx, simulatedHost } from '@alcove/host'
import { servePlugin } from '@alcove/kubelet'
import { aborted, type Environment, type Log } from '@alcove/process'
import { epcPlugin, missingFor } from './epc-plugin.ts'
import { type DevicePluginSettings, readSettings } from './settings.ts'

/** Where the simulated platform's socket is below a simulated root. */
const SIMULATOR_DIRECTORY = 'run/alcove-simulator'

/**
 * The device plugin's process: reads what the node has, offers it to the kubelet until `stop` aborts. A node that
 * cannot offer EPC is left alone: the reason is logged once, nothing is registered, and the process waits.
 *
 * @throws {ConfigError} {@link HostError} {@link KubeletError} when it cannot start
 */
export async function runDevicePlugin(deps: {
  environment: Environment
  log: Log
  stop: AbortSignal
}): Promise<void> {
  const { log, stop } = deps
  const settings = readSettings(deps.environment)
  const simulated = settings.simulatedRoot !== undefined
  const node = await readSgx(await hostOf(settings))
  const missing = missingFor(node)
  if (missing !== undefined || node.enclaveDevice === undefined) {
    log.warn('nothing to offer', { missing, simulated })
    await aborted(stop)
    return
  }
  const plugin = epcPlugin({
    epcBytes: node.epc.bytes,
    enclaveDevice: pathOnNode(settings, node.enclaveDevice.path),
    aesmDirectory: settings.aesmDirectory,
    simulatorDirectory: simulated ? pathOnNode(settings, SIMULATOR_DIRECTORY) : undefined,
  })
  await using _server = await servePlugin({
    plugin,
    directory: settings.kubeletDirectory,
    endpoint: 'alcove-epc',
    onEvent: ({ event, ...fields }) => log.info(event, fields),
  })
  log.info('serving', {
    resource: plugin.resourceName,
    devices: plugin.devices().length,
    epcSource: node.epc.source,
    enclaveDevice: node.enclaveDevice.path,
    simulated,
  })
  await aborted(stop)
}

async function hostOf(settings: DevicePluginSettings): Promise<Host> {
  return settings.simulatedRoot === undefined
    ? mountedHost(settings.hostRoot)
    : simulatedHost(settings.simulatedRoot)
}

/** The kubelet's name for a node path: below the simulated root where there is one. */
function pathOnNode(settings: DevicePluginSettings, path: string): string {
  return settings.simulatedRoot === undefined ? path : join(settings.simulatedRoot, path)
}
