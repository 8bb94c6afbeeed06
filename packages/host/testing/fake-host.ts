import { ByteWriter } from '@alcove/bytes'
import type { CpuidResult } from '@alcove/sgx'
import { cpuidKey, type FileAccess, type Host, HostError } from '../src/index.ts'

/** A node of a test: its files, device nodes and CPUID leaves. */
export interface FakeNode {
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly devices?: readonly string[]
  readonly access?: FileAccess
  readonly cpuid?: Readonly<Record<string, CpuidResult>>
  /** Files that are there, but not for this process. */
  readonly forbidden?: readonly string[]
}

export function fakeHost(node: FakeNode): Host {
  const { files = {}, devices = [], cpuid = {}, forbidden = [] } = node
  const check = (path: string): void => {
    if (!forbidden.includes(path)) return
    throw new HostError('ERR_HOST_READ', path, 'cannot be read (EACCES)', { forbidden: true })
  }
  return {
    read: async path => {
      check(path)
      const content = files[path]
      return typeof content === 'string' ? new TextEncoder().encode(content) : content
    },
    isCharDevice: async path => devices.includes(path),
    access: async path => {
      const access = node.access ?? { gid: 0, mode: 0o666 }
      return devices.includes(path) ? access : undefined
    },
    cpuid: async (leaf, subleaf) => {
      check('/dev/cpu/0/cpuid')
      return cpuid[cpuidKey(leaf, subleaf)]
    },
  }
}

export const noRegisters: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 }

/** An auxiliary vector of these pairs, and its end. */
export function auxv(...pairs: readonly (readonly [type: bigint, value: bigint])[]): Uint8Array {
  const writer = new ByteWriter('auxv')
  for (const [type, value] of [...pairs, [0n, 0n] as const]) {
    writer.u64le('type', type).u64le('value', value)
  }
  return writer.done()
}
