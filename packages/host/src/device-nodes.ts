import type { Host } from './host.ts'

export interface SgxDevice {
  readonly path: string
  readonly driver: SgxDriver
}

/** A device node that is there. */
export interface SgxDeviceNode extends SgxDevice {
  readonly role: 'enclave' | 'provision'
}

/**
 * Driver generations, by the device nodes that they make: `in-kernel` is Linux 5.11 and later, and the last
 * out-of-tree driver, DCAP 1.41; `dcap-1.33` is DCAP 1.30 to 1.36; `legacy` is the driver without flexible launch
 * control.
 */
export type SgxDriver = 'in-kernel' | 'dcap-1.33' | 'dcap-1.22' | 'legacy'

/** Newest first. Sources: Intel DCAP, driver/linux/README.md and README.kernel.md; Intel SGX SDK, edmm_utility.cpp. */
const generations: readonly SgxDeviceNode[] = [
  { driver: 'in-kernel', role: 'enclave', path: '/dev/sgx_enclave' },
  { driver: 'in-kernel', role: 'provision', path: '/dev/sgx_provision' },
  { driver: 'dcap-1.33', role: 'enclave', path: '/dev/sgx/enclave' },
  { driver: 'dcap-1.33', role: 'provision', path: '/dev/sgx/provision' },
  { driver: 'dcap-1.22', role: 'enclave', path: '/dev/sgx' },
  { driver: 'dcap-1.22', role: 'provision', path: '/dev/sgx_prv' },
  { driver: 'legacy', role: 'enclave', path: '/dev/isgx' },
]

/** Where each driver generation puts the device node of a role, newest first. */
export function devicePaths(role: SgxDeviceNode['role']): readonly string[] {
  return generations.filter(node => node.role === role).map(node => node.path)
}

/** The device nodes that are there, of every driver generation, newest first. A directory is none. */
export async function findDevices(host: Host): Promise<readonly SgxDeviceNode[]> {
  const found: SgxDeviceNode[] = []
  for (const node of generations) if (await host.isCharDevice(node.path)) found.push(node)
  return found
}
