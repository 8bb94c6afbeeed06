import { findDevices, type SgxDevice } from './device-nodes.ts'
import { type Epc, noEpc, readCpuidEpc, readSysfsEpc } from './epc.ts'
import type { Host } from './host.ts'

/** What a node offers to enclaves. */
export interface SgxNode {
  readonly enclaveDevice?: SgxDevice
  /** Of the same driver as the enclave device. */
  readonly provisionDevice?: SgxDevice
  readonly epc: Epc
}

/**
 * Reads what the node has; what it has not is absent from the answer. The newest driver whose enclave device is there
 * decides. CPUID is asked only where there is a driver and sysfs counts no EPC, since asking needs privileges.
 *
 * @throws {HostError} `ERR_HOST_READ`, `ERR_HOST_SYSFS`
 */
export async function readSgx(host: Host): Promise<SgxNode> {
  const devices = await readDevices(host)
  const counted = await readSysfsEpc(host)
  if (counted.source !== 'none') return { ...devices, epc: counted }
  const epc = devices.enclaveDevice === undefined ? noEpc : await readCpuidEpc(host)
  return { ...devices, epc }
}

async function readDevices(host: Host): Promise<Omit<SgxNode, 'epc'>> {
  const nodes = await findDevices(host)
  const enclave = nodes.find(node => node.role === 'enclave')
  if (enclave === undefined) return {}
  const { path, driver } = enclave
  const provision = nodes.find(node => node.role === 'provision' && node.driver === driver)
  return {
    enclaveDevice: { path, driver },
    ...(provision && { provisionDevice: { path: provision.path, driver } }),
  }
}
