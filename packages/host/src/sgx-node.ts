import { type Epc, noEpc, readCpuidEpc, readSysfsEpc } from './epc.ts'
import type { Host } from './host.ts'

/** What a node offers to enclaves. */
export interface SgxNode {
  readonly enclaveDevice?: SgxDevice
  /** Of the same driver as the enclave device. */
  readonly provisionDevice?: SgxDevice
  readonly epc: Epc
}

export interface SgxDevice {
  readonly path: string
  readonly driver: SgxDriver
}

/**
 * Driver generations, by the device nodes that they make: `in-kernel` is Linux 5.11 and later, and the last
 * out-of-tree driver, DCAP 1.41; `dcap-1.33` is DCAP 1.30 to 1.36; `legacy` is the driver without flexible launch
 * control.
 */
export type SgxDriver = 'in-kernel' | 'dcap-1.33' | 'dcap-1.22' | 'legacy'

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

interface Generation {
  readonly driver: SgxDriver
  readonly enclave: string
  readonly provision?: string
}

/** Newest first. Sources: Intel DCAP, driver/linux/README.md and README.kernel.md; Intel SGX SDK, edmm_utility.cpp. */
const generations: readonly Generation[] = [
  { driver: 'in-kernel', enclave: '/dev/sgx_enclave', provision: '/dev/sgx_provision' },
  { driver: 'dcap-1.33', enclave: '/dev/sgx/enclave', provision: '/dev/sgx/provision' },
  { driver: 'dcap-1.22', enclave: '/dev/sgx', provision: '/dev/sgx_prv' },
  { driver: 'legacy', enclave: '/dev/isgx' },
]

async function readDevices(host: Host): Promise<Omit<SgxNode, 'epc'>> {
  for (const { driver, enclave, provision } of generations) {
    if (!(await host.isCharDevice(enclave))) continue
    const enclaveDevice = { path: enclave, driver }
    const provisionable = provision !== undefined && (await host.isCharDevice(provision))
    return provisionable
      ? { enclaveDevice, provisionDevice: { path: provision, driver } }
      : { enclaveDevice }
  }
  return {}
}
