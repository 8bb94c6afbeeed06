import { absenceText, afterFirst, type Condition, met, unknown, unmet } from './condition.ts'
import type { SgxDriver } from './device-nodes.ts'
import { atLeast } from './kernel-facts.ts'
import type { NodeFacts } from './node-facts.ts'

const name = 'kernel-driver'
const dcap = 'install Intel’s DCAP driver, or boot Linux 5.11 or later'

/** A kernel with a driver that can serve: its own, since 5.11, or one of Intel's DCAP drivers. */
export function kernelDriver(facts: NodeFacts): Condition {
  const { driver, kernel } = facts
  const linux = `Linux ${kernel.release.value ?? 'of unknown release'}`
  if (driver.value === 'legacy') {
    const found = `${linux} with the legacy driver, which has no flexible launch control: no DCAP quotes`
    return unmet(name, driver, found, `remove the \`isgx\` driver; then ${dcap}`)
  }
  return driver.value === undefined
    ? withoutDevice(facts, linux)
    : met(name, driver, `${linux}, ${driverName(facts, driver.value)}`)
}

/** The last of Intel's drivers, DCAP 1.41, makes the same device nodes as Linux: its module gives it away, or the kernel. */
function driverName({ driverVersion, kernel }: NodeFacts, driver: SgxDriver): string {
  const { value: release } = kernel.release
  const older = release !== undefined && atLeast(release, 5, 11) === false
  const outOfTree = older || driverVersion.value !== undefined
  return driver === 'in-kernel' && outOfTree ? 'DCAP driver 1.41' : driverNames[driver]
}

function withoutDevice({ kernel }: NodeFacts, linux: string): Condition {
  const { release, builtWithSgx, switchedOff } = kernel
  if (builtWithSgx.value === false) {
    const remedy = 'boot a kernel, 5.11 or later, that is built with CONFIG_X86_SGX=y'
    return unmet(name, builtWithSgx, `${linux}, built without its SGX driver`, remedy)
  }
  if (switchedOff.value?.includes('nosgx') === true) {
    const remedy = 'boot without the kernel parameter `nosgx`'
    return unmet(name, switchedOff, `${linux} was booted with \`nosgx\``, remedy)
  }
  if (release.value === undefined) return unknown(name, release, `mount the node’s /proc; ${dcap}`)
  if (atLeast(release.value, 5, 11) === false) {
    const found = `${linux} has no SGX driver of its own, and no other made a device node`
    return unmet(name, release, found, dcap)
  }
  if (builtWithSgx.value === true) return met(name, builtWithSgx, `${linux}, built with SGX driver`)
  const found = `${linux} may have its SGX driver or not: ${absenceText(builtWithSgx)}`
  const remedy = 'see whether it is built with CONFIG_X86_SGX=y'
  return { name, met: 'unknown', found, source: builtWithSgx.source, remedy }
}

const driverNames = {
  'in-kernel': 'in-kernel driver',
  'dcap-1.33': 'DCAP driver 1.30 to 1.36',
  'dcap-1.22': 'DCAP driver 1.22',
  legacy: 'legacy driver',
} as const

export function enclaveDevice(facts: NodeFacts, earlier: readonly Condition[]): Condition {
  const device = facts.enclaveDevice
  if (device.value !== undefined) return met('enclave-device', device, 'there')
  const remedy = afterFirst(
    earlier,
    'load the driver, and see what `dmesg` has of `sgx`; in a container, mount the node’s /dev',
  )
  return unmet('enclave-device', device, 'none, of any driver', remedy)
}

export function provisionDevice(facts: NodeFacts, earlier: readonly Condition[]): Condition {
  const device = facts.provisionDevice
  if (device.value !== undefined) {
    return met('provision-device', device, 'there: quotes can be made')
  }
  const remedy = afterFirst(
    earlier,
    'without it no quote can be made: load the driver again; in a container, mount the node’s /dev',
  )
  return unmet('provision-device', device, 'none, of any driver', remedy)
}

export function epc(facts: NodeFacts, earlier: readonly Condition[]): Condition {
  const fact = facts.epc
  if (fact.value === undefined) {
    const remedy =
      'boot Linux 5.17 or later, which counts it in /sys, or load the `cpuid` kernel module'
    return unknown('epc', fact, afterFirst(earlier, remedy))
  }
  if (fact.value.bytes > 0) return met('epc', fact, `${fact.value.bytes / 2 ** 20} MiB`)
  const remedy = afterFirst(earlier, 'give the machine EPC in its firmware’s setup')
  return unmet('epc', fact, '0 bytes', remedy)
}

export function fsgsbase({ cpu, kernel }: NodeFacts): Condition {
  const fact = kernel.fsgsbase
  if (fact.value === true) return met('fsgsbase', fact, 'programs may use it')
  if (cpu.fsgsbase.value === false && kernel.switchedOff.value?.includes('nofsgsbase') !== true) {
    const remedy = 'use a machine whose CPU has FSGSBASE, or whose hypervisor passes it on'
    return unmet('fsgsbase', cpu.fsgsbase, 'not in the CPU, or hidden by the hypervisor', remedy)
  }
  if (fact.value === undefined) return unknown('fsgsbase', fact, 'mount the node’s /proc')
  if (kernel.switchedOff.value?.includes('nofsgsbase') === true) {
    const remedy = 'boot without the kernel parameter `nofsgsbase`'
    return unmet('fsgsbase', fact, 'the kernel was booted with `nofsgsbase`', remedy)
  }
  const remedy = 'boot Linux 5.9 or later; Gramine and Occlum do not start without FSGSBASE'
  return unmet('fsgsbase', fact, 'the CPU has it, but the kernel does not let programs', remedy)
}

export function devExec({ devExec: fact }: NodeFacts): Condition {
  if (fact.value === undefined) return unknown('dev-exec', fact, 'mount the node’s /proc')
  if (fact.value) return met('dev-exec', fact, '/dev is not mounted noexec')
  const remedy = 'mount -o remount,exec /dev, and take `noexec` out of what mounts it at boot'
  return unmet('dev-exec', fact, '/dev is mounted noexec: enclaves cannot be loaded', remedy)
}
