import type { DevicePlugin } from '@alcove/kubelet'
import { containerDevices, simulatorMounts } from './container-devices.ts'
import { followed, offerNow, type PluginDeps } from './epc-plugin.ts'
import { isOffer } from './node-offer.ts'

/** Intel's name: a count of containers, not an amount. */
export const PROVISION_RESOURCE = 'sgx.intel.com/provision'

/** As many as a kubelet runs pods, unless it is told otherwise. */
const COUNT = 110

/**
 * The provision device, for who asks for it by this name alone. With it a program gets keys that stay the same over owners of
 * the machine, and so can tell platforms apart; quoting enclaves need it, other programs do not.
 */
export function provisionPlugin({ source, settings, groups }: PluginDeps): DevicePlugin {
  return {
    resourceName: PROVISION_RESOURCE,
    devices: followed(source, offer =>
      Array.from({ length: COUNT }, (_, index) => ({ id: `p${index}`, healthy: isOffer(offer) })),
    ),
    onChange: listener => source.onChange(listener),
    allocate: async () => {
      const { provisionDevice } = offerNow(source)
      return {
        devices: containerDevices('provision', provisionDevice.path, settings.node),
        mounts: simulatorMounts('provision', settings.node),
        envs: {},
        annotations: {},
        cdiDevices: await groups.namesFor('provision', provisionDevice),
      }
    },
  }
}
