import { type Environment, SettingsReader } from '@alcove/process'
import type { EpcMode } from './verdict.ts'

/** Settings of discovery, read once from its environment. */
export interface DiscoverySettings {
  /** The node's file system as this process sees it: `/`, or `/host` in a container. */
  readonly hostRoot: string
  /** On a `simulated` platform the machine under this process is not asked for its CPUID. */
  readonly platform: 'hardware' | 'simulated'
  /** The node's name in the API server. */
  readonly nodeName: string
  /** How the device plugin publishes EPC. */
  readonly epcMode: EpcMode
  /** Where the kubelet's probes are answered; 0: nowhere. */
  readonly probePort: number
}

/** @throws {ConfigError} naming every wrong setting at once, unknown `DISCOVERY_*` included. */
export function readSettings(environment: Environment): DiscoverySettings {
  const reader = new SettingsReader(environment, 'DISCOVERY_')
  const platform = reader.string('PLATFORM', 'hardware')
  const epcMode = reader.string('EPC_MODE', 'bytes')
  const nodeName = reader.string('NODE_NAME', '')
  const settings = {
    hostRoot: reader.string('HOST_ROOT', '/'),
    platform: platform === 'simulated' ? platform : 'hardware',
    nodeName,
    epcMode: epcMode === 'devices' ? epcMode : 'bytes',
    probePort: reader.integer('PROBE_PORT', 0, 0, 65_535),
  } as const
  if (platform !== settings.platform) {
    reader.problem('PLATFORM', `want hardware or simulated, got '${platform}'`)
  }
  if (epcMode !== settings.epcMode) {
    reader.problem('EPC_MODE', `want bytes or devices, got '${epcMode}'`)
  }
  if (nodeName === '') reader.problem('NODE_NAME', 'required: the node’s name in the API server')
  reader.end()
  return settings
}
