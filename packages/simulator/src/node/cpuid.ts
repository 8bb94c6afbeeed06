import { cpuidKey } from '@alcove/host'
import type { CpuidResult } from '@alcove/sgx'
import type { VariantTraits } from './variant.ts'

/**
 * What CPUID answers on a simulated node: FSGSBASE, SGX and launch control (leaf 0x7), SGX1 and its limits (leaf 0x12,
 * subleaves 0 and 1), the EPC sections one after the other (from subleaf 2), and no other.
 *
 * @param traits of each section whole pages, together below 2^52 bytes
 * @see docs/formats/simulated-root.md
 */
export function simulatedCpuid(
  traits: Pick<VariantTraits, 'sgx' | 'launchControl' | 'sections'>,
): Record<string, CpuidResult> {
  const features = registers({
    ebx: fsgsbase | (traits.sgx ? sgx : 0),
    ecx: traits.launchControl ? sgxLaunchControl : 0,
  })
  if (!traits.sgx) return { [cpuidKey(0x7, 0)]: features }
  const leaves = {
    [cpuidKey(0x7, 0)]: features,
    [cpuidKey(0x12, 0)]: registers({ eax: sgx1, edx: maxEnclaveSizes }),
    [cpuidKey(0x12, 1)]: registers({ eax: secsAttributes, ecx: secsXfrm }),
  }
  let base = epcBase
  for (const [index, bytes] of traits.sections.entries()) {
    leaves[cpuidKey(0x12, 2 + index)] = epcSection(base, bytes)
    base += bytes
  }
  leaves[cpuidKey(0x12, 2 + traits.sections.length)] = registers({})
  return leaves
}

const fsgsbase = 1 << 0
const sgx = 1 << 2
const sgxLaunchControl = 1 << 30
const sgx1 = 1
/** 2^36 bytes in 64-bit mode, 2^31 outside it. */
const maxEnclaveSizes = 0x241f
/** DEBUG, MODE64, PROVISION_KEY, EINITTOKEN_KEY. */
const secsAttributes = 0x36
const secsXfrm = 0x1f
const epcBase = 0x1_0000_0000n

/** The inverse of reading a section: 31:12 of base and size low, 51:32 high, type 1 in the lowest bits. */
function epcSection(base: bigint, bytes: bigint): CpuidResult {
  const low = (value: bigint) => Number(value & 0xfffff000n)
  const high = (value: bigint) => Number(value >> 32n)
  return { eax: low(base) + 1, ebx: high(base), ecx: low(bytes) + 1, edx: high(bytes) }
}

function registers(values: Partial<CpuidResult>): CpuidResult {
  return { eax: 0, ebx: 0, ecx: 0, edx: 0, ...values }
}
