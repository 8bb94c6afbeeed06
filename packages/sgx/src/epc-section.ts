/** The four registers that a CPUID leaf answers with, each an unsigned 32-bit number. */
export interface CpuidResult {
  readonly eax: number
  readonly ebx: number
  readonly ecx: number
  readonly edx: number
}

/** A range of physical memory that is EPC. */
export interface EpcSection {
  readonly base: bigint
  readonly bytes: bigint
}

/**
 * Reads one EPC section from CPUID leaf 0x12, subleaf 2 or above.
 *
 * | register | bits  | field                |
 * | -------- | ----- | -------------------- |
 * | EAX      | 3:0   | type: 0 none, 1 EPC  |
 * | EAX      | 31:12 | base, bits 31:12     |
 * | EBX      | 19:0  | base, bits 51:32     |
 * | ECX      | 31:12 | bytes, bits 31:12    |
 * | EDX      | 19:0  | bytes, bits 51:32    |
 *
 * `undefined` ends the list: no section, or one of a type that is not known.
 *
 * @see docs/formats/epc-section.md
 */
export function parseEpcSection(leaf: CpuidResult): EpcSection | undefined {
  if ((leaf.eax & 0xf) !== 1) return undefined
  return { base: metric(leaf.eax, leaf.ebx), bytes: metric(leaf.ecx, leaf.edx) }
}

function metric(low: number, high: number): bigint {
  return (BigInt(low) & 0xfffff000n) | ((BigInt(high) & 0xfffffn) << 32n)
}
