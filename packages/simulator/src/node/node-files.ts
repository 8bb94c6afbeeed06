import { ByteWriter } from '@alcove/bytes'
import { type SimulatedOs, type SimulatedVariant, traitsOf, type VariantTraits } from './variant.ts'

/** The files, beside its devices, by which a node tells what it is. */
export function nodeFiles(variant: SimulatedVariant): Map<string, string | Uint8Array> {
  const traits = traitsOf(variant)
  const { os, fault, size } = variant
  const { version, release } = systems[os]
  const files = new Map<string, string | Uint8Array>([
    ['/etc/os-release', osRelease(version)],
    ['/etc/group', 'root:x:0:\nsgx_prv:x:120:\nsgx:x:121:\n'],
    ['/proc/cpuinfo', cpuinfo(size.cores, cpuFlags(variant, traits))],
    ['/proc/sys/kernel/osrelease', `${release}\n`],
    ['/proc/cmdline', `root=/dev/sda1 ro${noFsgsbase(variant) ? ' nofsgsbase' : ''}\n`],
    ['/proc/self/auxv', auxiliaryVector(fault !== 'no-fsgsbase')],
    ['/proc/self/mountinfo', mountinfo(fault === 'noexec')],
    ['/sys/devices/system/node/online', variant.numaNodes === 1 ? '0\n' : '0-1\n'],
  ])
  if (os === 'in-kernel') {
    const built = hasOwnDriver(variant) ? 'CONFIG_X86_SGX=y' : '# CONFIG_X86_SGX is not set'
    files.set(`/boot/config-${release}`, `${built}\n`)
  } else if (traits.driver && fault !== 'legacy-driver') {
    files.set('/sys/module/intel_sgx/version', '1.33.2\n')
  }
  if (countsEpc(variant, traits)) {
    for (const [node, bytes] of traits.sections.entries()) {
      files.set(`/sys/devices/system/node/node${node}/x86/sgx_total_bytes`, `${bytes}\n`)
    }
  }
  return files
}

/** The releases are made up, on the kernel side of 5.17 (sysfs counts EPC) and of 5.11 that each system is on. */
const systems = {
  'in-kernel': { version: '22.04', release: '6.8.0-simulated' },
  'dcap-1.33': { version: '18.04', release: '5.4.0-simulated' },
} as const satisfies Readonly<Record<SimulatedOs, object>>

/** A kernel whose driver is not Intel's was built with its own. */
function hasOwnDriver({ os, fault }: SimulatedVariant): boolean {
  return os === 'in-kernel' && fault !== 'no-driver' && fault !== 'legacy-driver'
}

/** Only the kernel's own driver makes the files in sysfs, from 5.17. */
function countsEpc(variant: SimulatedVariant, traits: VariantTraits): boolean {
  return hasOwnDriver(variant) && traits.driver
}

/** A kernel since 5.9 has FSGSBASE unless it was told not to; an older one, unless it was patched. */
function noFsgsbase({ os, fault }: SimulatedVariant): boolean {
  return os === 'in-kernel' && fault === 'no-fsgsbase'
}

/**
 * Linux knows `sgx` and `sgx_lc` since 5.11, and drops both where the firmware did not enable SGX (feat_ctl.c) or the
 * kernel is built without.
 */
function cpuFlags(variant: SimulatedVariant, traits: VariantTraits): readonly string[] {
  const listed = hasOwnDriver(variant) && traits.sections.length > 0
  return [
    'hypervisor',
    ...(listed ? ['sgx'] : []),
    ...(listed && traits.launchControl ? ['sgx_lc'] : []),
    ...(noFsgsbase(variant) ? [] : ['fsgsbase']),
  ]
}

function osRelease(version: string): string {
  return `ID=ubuntu\nVERSION_ID="${version}"\nPRETTY_NAME="Ubuntu ${version} (simulated by Alcove)"\n`
}

function cpuinfo(cores: number, flags: readonly string[]): string {
  const core = (processor: number) =>
    `processor\t: ${processor}\nvendor_id\t: GenuineIntel\nmodel name\t: Alcove simulated CPU\nflags\t\t: ${flags.join(' ')}\n\n`
  return Array.from({ length: cores }, (_, processor) => core(processor)).join('')
}

/** AT_HWCAP2 (26) with bit 1 or without, and the end. */
function auxiliaryVector(fsgsbase: boolean): Uint8Array {
  return new ByteWriter('auxv')
    .u64le('type', 26n)
    .u64le('value', fsgsbase ? 2n : 0n)
    .u64le('type', 0n)
    .u64le('value', 0n)
    .done()
}

function mountinfo(noexec: boolean): string {
  const options = noexec ? 'rw,nosuid,noexec' : 'rw,nosuid'
  return `21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n22 21 0:5 / /dev ${options} - devtmpfs udev rw,mode=755\n`
}
