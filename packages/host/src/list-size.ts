import { type Condition, met, unknown, unmet } from './condition.ts'
import type { NodeFacts } from './node-facts.ts'

/** What the kubelet's gRPC client receives at most in one message: gRPC's default, which it does not raise. */
const LIMIT_BYTES = 4_194_304
const MIB = 2 ** 20

/**
 * Whether the kubelet can be told of the EPC: the device plugin offers one device per MiB, and lists all of them in
 * one message. A larger list would be dropped by the kubelet, so that the plugin refuses it.
 */
export function listSize({ epc }: NodeFacts): Condition {
  if (epc.value === undefined) return unknown('list-size', epc, 'first see epc')
  const devices = Math.floor(epc.value.bytes / MIB)
  const bytes = listBytes(devices)
  const found = `${devices} devices, one per MiB, are a message of ${bytes} bytes`
  if (bytes <= LIMIT_BYTES) return met('list-size', epc, found)
  return unmet(
    'list-size',
    epc,
    `${found}; the kubelet receives ${LIMIT_BYTES} at most`,
    `use a node, or a virtual machine size, of at most ${mostDevices()} MiB of EPC`,
  )
}

/** Tag and length of the device, of its id and of its health, and `Healthy`. */
const BYTES_BESIDE_ID = 2 + 2 + 2 + 7

/** Of the ListAndWatch message for devices `e0`, `e1`, …, numbered in base 36. Pure arithmetic; a test compares it with the plugin's. */
function listBytes(devices: number): number {
  let bytes = 0
  for (let digits = 1, first = 0; first < devices; digits++) {
    const after = Math.min(devices, 36 ** digits)
    bytes += (after - first) * (BYTES_BESIDE_ID + 'e'.length + digits)
    first = after
  }
  return bytes
}

/** As many as one message can hold. */
function mostDevices(): number {
  let most = 0
  for (let step = 2 ** 22; step >= 1; step /= 2) {
    if (listBytes(most + step) <= LIMIT_BYTES) most += step
  }
  return most
}
