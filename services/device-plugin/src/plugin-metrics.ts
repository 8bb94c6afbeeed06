import { type DevicePlugin, listPodResources, type PluginServer } from '@alcove/kubelet'
import { type ContainerEpc, Metrics } from './metrics.ts'
import type { NodeKeeper } from './node-keeper.ts'
import { quantityIn } from './node-object.ts'
import type { NodeWatch } from './node-watch.ts'
import type { PodEpc } from './pod-epc.ts'
import { EPC_BYTES_RESOURCE, EPC_RESOURCE } from './resource-names.ts'
import type { DevicePluginSettings } from './settings.ts'

const MIB = 2 ** 20

/** The metrics of a plugin that runs, from its parts. */
export function pluginMetrics(parts: {
  readonly settings: DevicePluginSettings
  readonly version: string
  readonly watch: NodeWatch
  /** Asked when the metrics are: it starts after the registration. */
  readonly keeper: () => NodeKeeper | undefined
  readonly serving: ReadonlyMap<string, PluginServer>
  readonly plugins: readonly { readonly plugin: DevicePlugin }[]
}): Metrics {
  const { settings, version, watch, keeper, serving, plugins } = parts
  const { epcMode, node } = settings
  const simulated = node.simulatedRoot !== undefined || node.simulatorDirectory !== undefined
  return new Metrics({
    version,
    epcMode,
    platform: simulated ? 'simulated' : 'hardware',
    offer: () => watch.offer,
    conditions: () => watch.conditions,
    servers: () => serving,
    devices: () =>
      new Map(plugins.map(({ plugin }) => [plugin.resourceName, plugin.devices()] as const)),
    allocatableBytes: () => {
      const allocatable = keeper()?.node?.status.allocatable ?? {}
      return epcMode === 'bytes'
        ? Number(quantityIn(allocatable, EPC_BYTES_RESOURCE) ?? 0n)
        : Number(quantityIn(allocatable, EPC_RESOURCE) ?? 0n) * MIB
    },
    held: () =>
      epcMode === 'bytes'
        ? Promise.resolve(bySpecs(keeper()?.pods?.bytes))
        : byKubelet().catch(() => bySpecs(keeper()?.pods?.devices)),
    overwrites: () => keeper()?.overwrites ?? 0,
  })
}

/** By the specs of the node's pods: no kubelet accounts for a number in the node's status. */
function bySpecs(pods: readonly PodEpc[] = []): readonly ContainerEpc[] {
  return pods.flatMap(({ namespace, pod, containers }) =>
    containers.map(({ name: container, bytes }) => ({
      namespace,
      pod,
      container,
      bytes: Number(bytes),
    })),
  )
}

/** By the kubelet's own account of devices. Fails where its socket is not mounted; then the specs say as much. */
async function byKubelet(): Promise<readonly ContainerEpc[]> {
  const held = await listPodResources()
  return held
    .filter(({ resource }) => resource === EPC_RESOURCE)
    .map(({ namespace, pod, container, count }) => ({
      namespace,
      pod,
      container,
      bytes: count * MIB,
    }))
}
