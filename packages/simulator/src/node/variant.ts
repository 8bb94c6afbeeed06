import type { NodeSize } from './sizes.ts'

/** `in-kernel`: Linux with the driver and sysfs counts; `dcap-1.33`: Ubuntu 18.04 with Intel's DCAP driver. */
export type SimulatedOs = 'in-kernel' | 'dcap-1.33'

/** What a simulated node lacks, so that it cannot serve. */
export type SimulatedFault = (typeof simulatedFaults)[number]

/**
 * `no-sgx`: a CPU, or hypervisor, without SGX; `no-launch-control`: SGX without flexible launch control; `no-epc`: the
 * firmware did not enable SGX; `no-driver`: a kernel built without its driver, or without Intel's; `legacy-driver`: the
 * driver without flexible launch control; `no-provision`: the provision device is missing; `no-fsgsbase`: the kernel
 * does not let programs use it; `noexec`: /dev is mounted so.
 */
export const simulatedFaults = [
  'no-sgx',
  'no-launch-control',
  'no-epc',
  'no-driver',
  'legacy-driver',
  'no-provision',
  'no-fsgsbase',
  'noexec',
] as const

/** A kind of simulated node. */
export interface SimulatedVariant {
  readonly size: NodeSize
  readonly os: SimulatedOs
  /** EPC is in equal parts, a section each. */
  readonly numaNodes: 1 | 2
  readonly fault: SimulatedFault | undefined
}

/** What follows from a variant, and is told in more than one place. */
export interface VariantTraits {
  readonly sgx: boolean
  readonly launchControl: boolean
  /** EPC of each section that CPUID lists. */
  readonly sections: readonly bigint[]
  /** The driver found all that it needs, and made its devices. */
  readonly driver: boolean
}

export function traitsOf({ size, numaNodes, fault }: SimulatedVariant): VariantTraits {
  const sgx = fault !== 'no-sgx'
  const launchControl = sgx && fault !== 'no-launch-control'
  const share = (BigInt(size.epcMib) << 20n) / BigInt(numaNodes)
  const sections = sgx && fault !== 'no-epc' ? Array<bigint>(numaNodes).fill(share) : []
  const driver = launchControl && sections.length > 0 && fault !== 'no-driver'
  return { sgx, launchControl, sections, driver }
}
