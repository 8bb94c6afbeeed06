import type { CpuidResult } from '@alcove/sgx'
import { absent, type Fact, fileFact, firstKnown, map, permitted, text } from './fact.ts'
import type { CpuidReading, Host } from './host.ts'

/** What the CPU says of itself, by CPUID, or as the kernel repeats it. */
export interface CpuFacts {
  readonly vendor: Fact<string>
  readonly model: Fact<string>
  /** The CPU is a virtual machine's. */
  readonly hypervisor: Fact<boolean>
  readonly sgx: Fact<boolean>
  readonly sgx1: Fact<boolean>
  /** Pages can be added to an enclave that runs (EDMM). */
  readonly sgx2: Fact<boolean>
  /** Flexible launch control: enclaves of any signer, which DCAP needs. */
  readonly launchControl: Fact<boolean>
  readonly fsgsbase: Fact<boolean>
  /**
   * The kernel keeps the `sgx` flag: it takes it from /proc/cpuinfo where the firmware did not enable SGX, and under
   * `nosgx` (Linux, arch/x86/kernel/cpu/feat_ctl.c). Not stated by kernels that do not know the flag.
   */
  readonly sgxFlag: Fact<boolean>
}

/**
 * CPUID first; /proc/cpuinfo where CPUID cannot be asked.
 *
 * @param kernelKnowsSgx the kernel would list `sgx` among the flags of a CPU that has it
 */
export async function readCpu(host: Host, kernelKnowsSgx: boolean): Promise<CpuFacts> {
  const cpuinfo = await fileFact(host, '/proc/cpuinfo', text)
  const line = (name: string) => map(cpuinfo, all => lineOf(all, name))
  const flags = map(line('flags'), all => new Set(all.split(/\s+/)))
  const flag = (name: string) =>
    map(
      flags,
      all => all.has(name),
      source => `${source} flag ${name}`,
    )
  const sgxFlag = (name: string) => (kernelKnowsSgx ? flag(name) : affirmed(flag(name)))

  const features = await leaf(host, 0x7, 0)
  const bit = (register: keyof CpuidResult, at: number) => bitOf(features, '0x7', register, at)
  const sgx = bit('ebx', sgxBit)
  // a CPU answers leaves that it does not have with those of another, so 0x12 counts only under SGX
  const limits = sgx.value === false ? absent('not-asked', sgx.source) : await leaf(host, 0x12, 0)
  const limit = (at: number) => bitOf(limits, '0x12.0', 'eax', at)
  const either = (asked: Fact<boolean>, listed: Fact<boolean>) =>
    firstKnown(
      async () => asked,
      async () => listed,
    )
  return {
    vendor: line('vendor_id'),
    model: line('model name'),
    hypervisor: flag('hypervisor'),
    sgx: await either(sgx, sgxFlag('sgx')),
    sgx1: orCpuid(limit(0), affirmed(flag('sgx1'))),
    sgx2: orCpuid(limit(1), affirmed(flag('sgx2'))),
    launchControl: await either(bit('ecx', launchControlBit), sgxFlag('sgx_lc')),
    fsgsbase: await either(bit('ebx', fsgsbaseBit), flag('fsgsbase')),
    sgxFlag: sgxFlag('sgx'),
  }
}

/** Linux, arch/x86/include/asm/cpufeatures.h: X86_FEATURE_FSGSBASE and X86_FEATURE_SGX, leaf 0x7 EBX. */
const fsgsbaseBit = 0
const sgxBit = 2
/** The same, X86_FEATURE_SGX_LC: leaf 0x7 ECX. */
const launchControlBit = 30

export const cpuidPath = '/dev/cpu/0/cpuid'

function leaf(host: Host, number: number, subleaf: number): Promise<Fact<CpuidReading>> {
  return permitted(cpuidPath, () => host.cpuid(number, subleaf))
}

function bitOf(
  fact: Fact<CpuidReading>,
  name: string,
  register: keyof CpuidResult,
  at: number,
): Fact<boolean> {
  return map(
    fact,
    registers => ((registers[register] >>> at) & 1) === 1,
    () => cpuidSource(`CPUID leaf ${name} ${register.toUpperCase()} bit ${at}`, fact.value),
  )
}

/** How a fact that CPUID stated names its source: whether the node was asked, or this process executed it. */
export function cpuidSource(what: string, reading: CpuidReading | undefined): string {
  return reading?.executed === true ? `${what}, executed` : what
}

/** The flag says yes where it is there; its absence says nothing. */
function affirmed(flag: Fact<boolean>): Fact<boolean> {
  return map(flag, there => (there ? true : undefined))
}

/** What CPUID says, or the flag that affirms it, or why CPUID does not say. */
function orCpuid(asked: Fact<boolean>, listed: Fact<boolean>): Fact<boolean> {
  return asked.value === undefined && listed.value !== undefined ? listed : asked
}

function lineOf(cpuinfo: string, name: string): string | undefined {
  return new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(cpuinfo)?.[1]?.trim()
}
