import type { DevicePlugin } from '@alcove/kubelet'
import { aesmMounts, containerDevices, type Role, simulatorMounts } from './container-devices.ts'
import { followed, offerNow, type PluginDeps } from './epc-plugin.ts'
import { isOffer } from './node-offer.ts'
import { ENCLAVE_RESOURCE, PROVISION_RESOURCE } from './resource-names.ts'

const resources = { enclave: ENCLAVE_RESOURCE, provision: PROVISION_RESOURCE } as const

/** As many as a kubelet runs pods, unless it is told otherwise. */
const COUNT = 110

/**
 * A device as a resource that is counted: so many containers may have it at a time.
 *
 * `enclave` is what a container needs along with EPC in bytes. `provision` goes to who asks for it by this name alone: with it
 * a program gets keys that stay the same over owners of the machine, and so can tell platforms apart; quoting enclaves need
 * it, other programs do not.
 */
export function countedPlugin(role: Role, { source, settings, groups }: PluginDeps): DevicePlugin {
  const letter = role.slice(0, 1)
  return {
    resourceName: resources[role],
    devices: followed(source, offer =>
      Array.from({ length: COUNT }, (_, index) => ({
        id: `${letter}${index}`,
        healthy: isOffer(offer),
      })),
    ),
    onChange: listener => source.onChange(listener),
    allocate: async () => {
      const offer = offerNow(source)
      const device = role === 'enclave' ? offer.enclaveDevice : offer.provisionDevice
      const { node } = settings
      return {
        devices: containerDevices(role, device.path, node),
        mounts: [...aesmMounts(role, settings), ...simulatorMounts(role, node)],
        envs: {},
        annotations: {},
        cdiDevices: await groups.namesFor(role, device),
      }
    },
  }
}
