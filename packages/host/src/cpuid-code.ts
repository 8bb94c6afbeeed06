import type { CpuidResult } from '@alcove/sgx'

/** What this processor answers. Synchronous: one call of some 27 bytes of code. */
export type ExecuteCpuid = (leaf: number, subleaf: number) => CpuidResult

/**
 * A function that executes CPUID in this process, on whichever processor it runs; `undefined` on another architecture
 * or system than Linux on x86-64. Needs no privilege: where /dev/cpu is closed to a container, the instruction is not.
 *
 * The code lies in an anonymous mapping of one page, which is written first and made executable then: never both.
 *
 * @throws {Error} where the system refuses such a mapping (SELinux without execmem, a seccomp filter)
 * @see docs/adr/0005-what-a-container-cannot-read.md
 */
export async function loadExecuteCpuid(): Promise<ExecuteCpuid | undefined> {
  if (process.arch !== 'x64' || process.platform !== 'linux') return undefined
  const { default: koffi } = await import('koffi')
  const libc = koffi.load(null)
  const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)')
  const mprotect = libc.func('int mprotect(void *, size_t, int)')
  const page: unknown = mmap(null, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
  // MAP_FAILED is all ones
  if (koffi.address(page) === MAP_FAILED)
    throw new Error(`mmap failed (${errnoName(koffi.errno(), koffi.os.errno)})`)
  koffi.encode(page, 'uint8_t', CODE, CODE.byteLength)
  if (mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) !== 0) {
    const reason = errnoName(koffi.errno(), koffi.os.errno)
    libc.func('int munmap(void *, size_t)')(page, PAGE_BYTES)
    throw new Error(`mprotect refused an executable page (${reason})`)
  }
  const code = koffi.proto('void (uint32_t leaf, uint32_t subleaf, _Out_ uint32_t *registers)')
  return (leaf, subleaf) => {
    const registers = new Uint32Array(4)
    koffi.call(page, code, leaf, subleaf, registers)
    const [eax = 0, ebx = 0, ecx = 0, edx = 0] = registers
    return { eax, ebx, ecx, edx }
  }
}

/**
 * `void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t registers[4])` in the System V calling convention of x86-64:
 * arguments in EDI, ESI and RDX; RBX, which CPUID writes, belongs to the caller.
 */
const CODE = Uint8Array.of(
  ...[0x53], //                   push rbx
  ...[0x49, 0x89, 0xd0], //       mov r8, rdx
  ...[0x89, 0xf8], //             mov eax, edi
  ...[0x89, 0xf1], //             mov ecx, esi
  ...[0x0f, 0xa2], //             cpuid
  ...[0x41, 0x89, 0x00], //       mov [r8], eax
  ...[0x41, 0x89, 0x58, 0x04], // mov [r8 + 4], ebx
  ...[0x41, 0x89, 0x48, 0x08], // mov [r8 + 8], ecx
  ...[0x41, 0x89, 0x50, 0x0c], // mov [r8 + 12], edx
  ...[0x5b], //                   pop rbx
  ...[0xc3], //                   ret
)

/** Linux, include/uapi/asm-generic/mman-common.h and mman.h. */
const PROT_READ = 1
const PROT_WRITE = 2
const PROT_EXEC = 4
const MAP_PRIVATE_ANONYMOUS = 0x22
const MAP_FAILED = 2n ** 64n - 1n
const PAGE_BYTES = 4096

function errnoName(number: number, names: Readonly<Record<string, number>>): string {
  return Object.entries(names).find(([, one]) => one === number)?.[0] ?? `errno ${number}`
}
