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

/** A plugin's whole list, checked, and as the kubelet gets it. */
export interface DeviceList {
  readonly deviceOf: ReadonlyMap<string, Device>
  readonly healthy: number
  /** How many NUMA nodes its devices name. */
  readonly numaNodes: number
  /** A ListAndWatchResponse. */
  readonly bytes: Buffer
}

/**
 * The message for a device list, unchecked. `topology` is there only for a device whose NUMA node is known: an empty one makes the
 * kubelet's topology manager reject pods (kubernetes issue 112234).
 */
export function encodeDeviceList(devices: Iterable<Device>): ListAndWatchResponse {
  return create(ListAndWatchResponseSchema, {
    devices: Array.from(devices, ({ id, healthy, numaNode }) => ({
      ID: id,
      health: healthy ? HEALTHY : UNHEALTHY,
      ...(numaNode === undefined ? {} : { topology: { nodes: [{ ID: BigInt(numaNode) }] } }),
    })),
  })
}

/**
 * Reads and checks a plugin's list.
 *
 * @throws {KubeletError} `ERR_KUBELET_PLUGIN` for an id that is empty, too long or there twice, or a NUMA node that is no number
 * @throws {ListTooLargeError} `ERR_KUBELET_LIST_TOO_LARGE`
 */
export function readDeviceList(plugin: Pick<DevicePlugin, 'resourceName' | 'devices'>): DeviceList {
  const { resourceName } = plugin
  const deviceOf = new Map<string, Device>()
  const numaNodes = new Set<number>()
  let healthyCount = 0
  for (const { id, healthy, numaNode } of plugin.devices()) {
    const fault = deviceOf.has(id) ? 'is there twice' : deviceFault(id, numaNode)
    if (fault !== undefined) {
      throw new KubeletError('ERR_KUBELET_PLUGIN', `${resourceName}: device id "${id}" ${fault}`)
    }
    if (healthy) healthyCount += 1
    if (numaNode !== undefined) numaNodes.add(numaNode)
    deviceOf.set(id, { id, healthy, numaNode })
  }
  const bytes = toBinary(ListAndWatchResponseSchema, encodeDeviceList(deviceOf.values()))
  if (bytes.byteLength > KUBELET_RECEIVE_LIMIT_BYTES) {
    throw new ListTooLargeError({
      resource: resourceName,
      devices: deviceOf.size,
      bytes: bytes.byteLength,
      limitBytes: KUBELET_RECEIVE_LIMIT_BYTES,
    })
  }
  return {
    deviceOf,
    healthy: healthyCount,
    numaNodes: numaNodes.size,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  }
}

/** The plugin's list of now. It is encoded again only when it differs, so that a stream that begins gets it without delay. */
export class CurrentList {
  readonly #plugin: DevicePlugin
  #last: DeviceList | undefined

  constructor(plugin: DevicePlugin) {
    this.#plugin = plugin
  }

  /** @throws as `readDeviceList` does */
  read(): DeviceList {
    const devices = this.#plugin.devices()
    if (this.#last === undefined || !isSame(devices, this.#last.deviceOf)) {
      const { resourceName } = this.#plugin
      this.#last = readDeviceList({ resourceName, devices: () => devices })
    }
    return this.#last
  }

  /**
   * The list that the kubelet can have: the one of now, or, if that one is wrong, the last that was not.
   *
   * @throws as `readDeviceList` does, if there was none before
   */
  latest(): DeviceList {
    try {
      return this.read()
    } catch (error) {
      if (this.#last === undefined) throw error
      return this.#last
    }
  }
}

function deviceFault(id: string, numaNode: number | undefined): string | undefined {
  if (id === '' || id.length > MAX_ID) return `is not 1 to ${MAX_ID} characters long`
  if (numaNode === undefined || (Number.isSafeInteger(numaNode) && numaNode >= 0)) return undefined
  return `is on NUMA node ${numaNode}, which is no such node's number`
}

function isSame(devices: readonly Device[], known: ReadonlyMap<string, Device>): boolean {
  if (devices.length !== known.size) return false
  const pairs = known.values()
  return devices.every(({ id, healthy, numaNode }) => {
    const { value } = pairs.next()
    return value?.id === id && value.healthy === healthy && value.numaNode === numaNode
  })
}
