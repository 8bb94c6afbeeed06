import { join } from 'node:path'
import {
  type Capability,
  capability,
  type Host,
  mountedHost,
  readNode,
  readSgx,
  simulatedHost,
} from '@alcove/host'
import {
  type DevicePlugin,
  ListTooLargeError,
  type PluginServer,
  servePlugin,
} from '@alcove/kubelet'
import { aborted, type Environment, type Log } from '@alcove/process'
import { epcPlugin } from './epc-plugin.ts'
import { type DevicePluginSettings, readSettings } from './settings.ts'

/** Where the simulated platform's socket is below a simulated root. */
const SIMULATOR_DIRECTORY = 'run/alcove-simulator'

/** While all is well, changes are noticed by the directory's watch and the stream's end; this is for what they miss. */
const POLL_MS = 5000

/**
 * The device plugin's process: reads what the node has, offers it to the kubelet until `stop` aborts. A node that
 * cannot serve, or has more EPC than the kubelet can be told of, is left alone: the reason is logged once, nothing is
 * registered, and the process waits.
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
  const host = await hostOf(settings)
  const refusal = refusalOf(capability(await readNode(host)))
  const node = await readSgx(host)
  if (refusal !== undefined || node.enclaveDevice === undefined) {
    log.warn('nothing to offer', { ...refusal, simulated })
    await aborted(stop)
    return
  }
  const plugin = epcPlugin({
    epcBytes: node.epc.bytes,
    enclaveDevice: pathOnNode(settings, node.enclaveDevice.path),
    aesmDirectory: settings.aesmDirectory,
    simulatorDirectory: simulated ? pathOnNode(settings, SIMULATOR_DIRECTORY) : undefined,
  })
  await using server = await offered(plugin, settings, log)
  if (server !== undefined) {
    log.info('serving', {
      resource: plugin.resourceName,
      devices: plugin.devices().length,
      epcSource: node.epc.source,
      enclaveDevice: node.enclaveDevice.path,
      simulated,
    })
  }
  await aborted(stop)
}

/** What is known to be missing, with its remedy. What cannot be told (`unknown`) does not stop a node from serving. */
function refusalOf({ conditions }: Capability): Refusal | undefined {
  const missing = conditions.find(condition => condition.met === false)
  if (missing?.met !== false) return undefined
  return { condition: missing.name, reason: `${missing.name}: ${missing.found}; ${missing.remedy}` }
}

interface Refusal {
  readonly condition: string
  readonly reason: string
}

async function offered(
  plugin: DevicePlugin,
  settings: DevicePluginSettings,
  log: Log,
): Promise<PluginServer | undefined> {
  try {
    return await servePlugin({
      plugin,
      directory: settings.kubeletDirectory,
      endpoint: 'alcove-epc',
      pollMs: POLL_MS,
      onEvent: ({ event, ...fields }) => log.info(event, fields),
    })
  } catch (error) {
    if (!(error instanceof ListTooLargeError)) throw error
    log.error('nothing to offer', { condition: 'list-size', reason: error.message })
    return undefined
  }
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
