import type { Epc } from '@alcove/host'
import { type Device, KUBELET_RECEIVE_LIMIT_BYTES } from '@alcove/kubelet'

const MIB = 1024 * 1024

/**
 * EPC as the kubelet's devices: one per whole MiB, `e0`, `e1`, … in base 36. Which MiB a container was given means nothing
 * to the hardware; the count is what the scheduler places by. Short ids let 192 GiB fit into the one message that the kubelet
 * receives.
 *
 * Where several NUMA nodes have EPC, each device is on the node that its MiB is on, as long as the list still fits with that.
 */
export function epcDevices({ bytes, nodes }: Epc): readonly Device[] {
  const count = Math.floor(bytes / MIB)
  const ids = Array.from({ length: count }, (_, index) => `e${index.toString(36)}`)
  const plain = ids.map(id => ({ id, healthy: true }))
  const sections = nodes.filter(node => node.bytes > 0)
  if (sections.length < 2) return plain
  const nodeOf = (device: number): number | undefined => {
    let end = 0
    for (const section of sections) {
      end += section.bytes
      if (device * MIB < end) return section.node
    }
    return undefined
  }
  const placed = plain.map((device, index) => ({ ...device, numaNode: nodeOf(index) }))
  return fits(placed) ? placed : plain
}

/**
 * The list after the node has changed: what is there now, and what was there before as unhealthy. A device that is missing
 * from a list is forgotten; one that is unhealthy leaves capacity as it is, takes itself out of what is allocatable, and is
 * seen in the status of the pod that holds it (Kubernetes 1.36).
 *
 * @param now empty where the node has nothing to give
 */
export function withFormer(now: readonly Device[], former: readonly Device[]): readonly Device[] {
  const gone = former.slice(now.length)
  const all = [...now, ...gone.map(device => ({ ...device, healthy: false }))]
  // `Unhealthy` is the longer word: of a list that filled the message, the last devices are left out
  return fits(all) ? all : all.slice(0, howManyFit(all))
}

function fits(devices: readonly Device[]): boolean {
  return howManyFit(devices) === devices.length
}

/** How many of the devices, from the first on, one message can hold. */
function howManyFit(devices: readonly Device[]): number {
  let bytes = 0
  const over = devices.findIndex(device => {
    bytes += messageBytes(device)
    return bytes > KUBELET_RECEIVE_LIMIT_BYTES
  })
  return over === -1 ? devices.length : over
}

/** Of one device in the list: two bytes of tag and length for it and each of its fields, and the fields. */
function messageBytes({ id, healthy, numaNode }: Device): number {
  const health = healthy ? 'Healthy' : 'Unhealthy'
  const number = numaNode === undefined || numaNode === 0 ? 0 : numaNode < 128 ? 2 : 3
  const topology = numaNode === undefined ? 0 : 2 + 2 + number
  return 2 + 2 + id.length + 2 + health.length + topology
}
