// Where a pod's limit becomes a device: the kubelet asks `allocate` for as many ids as the limit says, and gives the
// container what is answered.
import type { Device, DevicePlugin } from '@alcove/kubelet'
import type { CdiGroups } from './cdi-groups.ts'
import { aesmMounts, containerDevices, simulatorMounts } from './container-devices.ts'
import { DevicePluginError } from './device-plugin-error.ts'
import { epcDevices, withFormer } from './epc-devices.ts'
import { isOffer, type NodeOffer } from './node-offer.ts'
import { EPC_RESOURCE } from './resource-names.ts'
import type { DevicePluginSettings } from './settings.ts'

/** What the plugins are told of the node. */
export interface OfferSource {
  readonly offer: NodeOffer
  onChange(listener: () => void): () => void
}

export interface PluginDeps {
  readonly source: OfferSource
  readonly settings: DevicePluginSettings
  readonly groups: Pick<CdiGroups, 'namesFor'>
}

/** EPC as one device per MiB. However many a container gets, it gets the enclave device once, and nothing else. */
export function epcPlugin({ source, settings, groups }: PluginDeps): DevicePlugin {
  const { node } = settings
  return {
    resourceName: EPC_RESOURCE,
    devices: followed(source, (offer, former) =>
      withFormer(isOffer(offer) ? epcDevices(offer.epc) : [], former),
    ),
    onChange: listener => source.onChange(listener),
    allocate: async ids => {
      checkCount(ids.length, settings.maxDevicesPerContainer)
      const { enclaveDevice } = offerNow(source)
      return {
        devices: containerDevices('enclave', enclaveDevice.path, node),
        mounts: [...aesmMounts('enclave', settings), ...simulatorMounts('enclave', node)],
        envs: {},
        annotations: {},
        cdiDevices: await groups.namesFor('enclave', enclaveDevice),
      }
    },
  }
}

/** The node's offer at this moment. */
export function offerNow({ offer }: OfferSource): Extract<NodeOffer, { epc: unknown }> {
  if (isOffer(offer)) return offer
  throw new DevicePluginError('ERR_DEVICE_PLUGIN_NOTHING', offer.reason)
}

/** A list that is made anew only when the offer is another one; it knows what it was before. */
export function followed(
  source: OfferSource,
  list: (offer: NodeOffer, former: readonly Device[]) => readonly Device[],
): () => readonly Device[] {
  let seen: NodeOffer | undefined
  let devices: readonly Device[] = []
  return () => {
    if (seen !== source.offer) {
      seen = source.offer
      devices = list(seen, devices)
    }
    return devices
  }
}

function checkCount(count: number, most: number): void {
  if (count <= most) return
  throw new DevicePluginError(
    'ERR_DEVICE_PLUGIN_LIMIT',
    `a container asks for ${count} MiB of EPC, and gets ${most} at most, since each is an entry in its pod's status; ask for less, or raise DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER`,
  )
}
