import { isOffer, type NodeOffer } from './node-offer.ts'
import type { Wanted } from './node-plan.ts'
import type { DevicePluginSettings } from './settings.ts'

const MIB = 1n << 20n

/**
 * EPC in bytes that a node is to offer: what the hardware has, without what is held back for the quoting enclaves and what pods
 * hold as devices of the other mode, rounded down to whole MiB, so that machines of one kind are equal to the cluster autoscaler.
 *
 * @param asDevices bytes that pods of this node hold as MiB devices, from before the mode was changed
 */
export function epcWanted(
  offer: NodeOffer,
  { epcMode, reservedEpcMiB }: Pick<DevicePluginSettings, 'epcMode' | 'reservedEpcMiB'>,
  asDevices: bigint,
): Wanted {
  if (epcMode === 'devices') return { kind: 'none' }
  if (!isOffer(offer)) return { kind: offer.condition === 'unread' ? 'unknown' : 'none' }
  const free = BigInt(offer.epc.bytes) - BigInt(reservedEpcMiB) * MIB - asDevices
  const bytes = (free / MIB) * MIB
  return bytes > 0n ? { kind: 'epc', bytes } : { kind: 'none' }
}
