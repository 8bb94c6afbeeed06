import { dirname } from 'node:path'
import type { NodeKind } from './node-kind.ts'
import type { NodePaths } from './node-paths.ts'

/** A process of the embedded node: the same program, another role. */
export interface Role {
  readonly name: string
  /** Arguments after the program's own path: a subcommand and its flags. */
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/**
 * What runs on a node. One that cannot serve has no simulated hardware to speak of and no quote helper, as on a cluster
 * the helper is not scheduled there; its device plugin runs and says why it offers nothing.
 */
export function rolesOf(
  kind: NodeKind,
  paths: NodePaths,
  options: {
    state: string
    capable: boolean
    environment: Readonly<Record<string, string>>
  },
): readonly Role[] {
  const { environment } = options
  const { root } = paths
  const kubelet = [
    ['--directory', paths.kubeletDirectory],
    ['--control', paths.controlSocket],
    ['--programs', paths.programs],
  ].flat()
  const standIn = { name: 'stand-in-kubelet', args: ['stand-in-kubelet', ...kubelet], environment }
  const plugin = {
    name: 'device-plugin',
    args: ['device-plugin'],
    environment: {
      ...environment,
      DEVICE_PLUGIN_EPC_MODE: 'devices',
      DEVICE_PLUGIN_KUBELET_DIR: paths.kubeletDirectory,
      DEVICE_PLUGIN_SIMULATED_ROOT: root,
      DEVICE_PLUGIN_AESM_DIR: dirname(paths.aesmSocket),
    },
  }
  if (!options.capable) return [standIn, plugin]
  const hardware = [
    '--root',
    root,
    '--state',
    options.state,
    '--platform',
    kind.name,
    '--tcb',
    kind.tcb,
  ]
  const helper = {
    name: 'quote-helper',
    args: ['quote-helper'],
    environment: {
      ...environment,
      QUOTE_HELPER_SOCKET: paths.aesmSocket,
      QUOTE_HELPER_SIMULATED_ROOT: root,
    },
  }
  return [
    { name: 'simulated-node', args: ['simulated-node', ...hardware], environment },
    standIn,
    plugin,
    helper,
  ]
}
