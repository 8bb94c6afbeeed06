import { afterFirst, type Condition, met, unknown, unmet } from './condition.ts'
import type { NodeFacts } from './node-facts.ts'

export function cpuSgx({ cpu }: NodeFacts): Condition {
  const { sgx, vendor } = cpu
  if (sgx.value === true) return met('cpu-sgx', sgx, 'the CPU has SGX')
  if (vendor.value !== undefined && vendor.value !== intel) {
    const fact = sgx.value === undefined ? vendor : sgx
    const found = `no: ${vendor.value} CPUs have no SGX`
    return unmet('cpu-sgx', fact, found, 'use a machine with an Intel CPU')
  }
  if (sgx.value === undefined) return unknown('cpu-sgx', sgx, askCpuid)
  const guest = cpu.hypervisor.value === true
  if (sgx.source === cpu.sgxFlag.source) {
    const found = `no: not in the CPU, ${guest ? 'hidden by the hypervisor, ' : ''}not enabled by the firmware, or \`nosgx\`; /proc/cpuinfo cannot tell these apart`
    return unmet('cpu-sgx', sgx, found, 'run as root, so that CPUID itself can be asked')
  }
  return guest
    ? unmet(
        'cpu-sgx',
        sgx,
        'no: not in the CPU, or hidden by the hypervisor or firmware; a guest cannot tell these apart',
        'use a virtual machine size with SGX, such as DCsv3, or have the hypervisor pass SGX on',
      )
    : unmet(
        'cpu-sgx',
        sgx,
        'no: not in the CPU, or hidden by the firmware; CPUID cannot tell these apart',
        'enable SGX in the firmware’s setup; where it has no such setting, use a machine with SGX',
      )
}

export function cpuLaunchControl({ cpu }: NodeFacts, earlier: readonly Condition[]): Condition {
  const name = 'cpu-launch-control'
  const fact = cpu.launchControl
  if (fact.value === true) return met(name, fact, 'enclaves of any signer can be launched')
  if (fact.value === undefined) return unknown(name, fact, afterFirst(earlier, askCpuid))
  const remedy = afterFirst(
    earlier,
    'enable flexible launch control (FLC) in the firmware’s setup, or use a CPU that has it: neither Linux’s driver nor Intel’s DCAP drivers work without',
  )
  return unmet(name, fact, 'no flexible launch control', remedy)
}

/** Firmware shows by what it lets through: EPC, or the flag that Linux drops where the firmware did not enable SGX. */
export function firmwareEnabled(facts: NodeFacts, earlier: readonly Condition[]): Condition {
  const { cpu, epc } = facts
  const name = 'firmware'
  if (epc.value !== undefined && epc.value.bytes > 0) {
    return met(name, epc, 'SGX is enabled: there is EPC')
  }
  if (cpu.sgxFlag.value === true) return met(name, cpu.sgxFlag, 'Linux found SGX enabled')
  if (cpu.sgx.value !== true) {
    const found = 'cannot be told while the CPU shows no SGX'
    return {
      name,
      met: 'unknown',
      found,
      source: cpu.sgx.source,
      remedy: afterFirst(earlier, askCpuid),
    }
  }
  if (epc.value === undefined) return unknown(name, epc, askCpuid)
  const dropped =
    cpu.sgxFlag.value === false ? ', and Linux took `sgx` out of the flags of /proc/cpuinfo' : ''
  const setup =
    'enable SGX in the firmware’s setup, with memory reserved for it (PRMRR), and reboot'
  const guest = 'use a virtual machine size with EPC, or have the hypervisor give it some'
  return unmet(
    name,
    epc,
    `the CPU has SGX, but no EPC section${dropped}`,
    cpu.hypervisor.value === true ? guest : setup,
  )
}

const intel = 'GenuineIntel'
const askCpuid =
  'run as root, where /dev/cpu/0/cpuid is (the `cpuid` kernel module makes it), so that CPUID can be asked'
