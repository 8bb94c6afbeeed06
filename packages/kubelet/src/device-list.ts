import { create, toBinary } from '@bufbuild/protobuf'
import type { Device, DevicePlugin } from './device-plugin.ts'
import { type ListAndWatchResponse, ListAndWatchResponseSchema } from './gen/device_plugin_pb.ts'
import { KubeletError, ListTooLargeError } from './kubelet-error.ts'

/** What the kubelet's gRPC client receives at most in one message: gRPC's default, which it does not raise. */
export const KUBELET_RECEIVE_LIMIT_BYTES = 4_194_304

/** `Device.health` on the wire; anything else counts as unhealthy. */
export const HEALTHY = 'Healthy'
const UNHEALTHY = 'Unhealthy'
const MAX_ID = 63

/**
 * The message for a device list, unchecked. `topology` is there only for a device whose NUMA node is known: an empty one makes the
 * kubelet's topology manager reject pods (kubernetes issue 112234).
 */
export function encodeDeviceList(devices: readonly Device[]): ListAndWatchResponse {
  return create(ListAndWatchResponseSchema, {
    devices: devices.map(({ id, healthy, numaNode }) => ({
      ID: id,
      health: healthy ? HEALTHY : UNHEALTHY,
      ...(numaNode === undefined ? {} : { topology: { nodes: [{ ID: BigInt(numaNode) }] } }),
    })),
  })
}

/**
 * The plugin's whole list as the kubelet gets it.
 *
 * @throws {KubeletError} `ERR_KUBELET_PLUGIN` for an id that is empty, too long or there twice
 * @throws {ListTooLargeError} `ERR_KUBELET_LIST_TOO_LARGE`
 */
export function readDeviceList(plugin: DevicePlugin): ListAndWatchResponse {
  const { resourceName } = plugin
  const list = plugin.devices()
  const ids = new Set<string>()
  for (const { id, numaNode = 0 } of list) {
    if (id === '' || id.length > MAX_ID || ids.has(id)) {
      const fault = ids.has(id) ? 'is there twice' : `is not 1 to ${MAX_ID} characters long`
      throw new KubeletError('ERR_KUBELET_PLUGIN', `${resourceName}: device id "${id}" ${fault}`)
    }
    if (!Number.isSafeInteger(numaNode) || numaNode < 0) {
      const fault = `device "${id}": ${numaNode} is no NUMA node's number`
      throw new KubeletError('ERR_KUBELET_PLUGIN', `${resourceName}: ${fault}`)
    }
    ids.add(id)
  }
  const message = encodeDeviceList(list)
  const bytes = toBinary(ListAndWatchResponseSchema, message).byteLength
  if (bytes > KUBELET_RECEIVE_LIMIT_BYTES) {
    throw new ListTooLargeError({
      resource: resourceName,
      devices: list.length,
      bytes,
      limitBytes: KUBELET_RECEIVE_LIMIT_BYTES,
    })
  }
  return message
}
