import type { Stats } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ByteReader } from '@alcove/bytes'
import type { CpuidResult } from '@alcove/sgx'
import { orAbsent } from './absence.ts'
import type { FileAccess, Host } from './host.ts'

/**
 * The node as mounted at `root`: `/host` in a DaemonSet, `/` in a process of the node itself. `..` does not lead above
 * the root; symbolic links are followed as the kernel does, so an absolute one leads out of a mount.
 */
export function mountedHost(root: string): Host {
  const below = (path: string) => join(root, resolve('/', path))
  return {
    read: path => orAbsent(path, readFile(below(path))),
    isCharDevice: async path =>
      (await orAbsent(path, stat(below(path))))?.isCharacterDevice() ?? false,
    access: async path => accessOf(await orAbsent(path, stat(below(path)))),
    cpuid: (leaf, subleaf) => orAbsent(cpuidPath, cpuidOf(below(cpuidPath), leaf, subleaf)),
  }
}

/** What `stat` says of who may open a file. */
export function accessOf(stats: Stats | undefined): FileAccess | undefined {
  return stats && { gid: stats.gid, mode: stats.mode & 0o7777 }
}

const cpuidPath = '/dev/cpu/0/cpuid'

/** cpuid(4): 16 bytes at the position whose low 32 bits are the leaf and whose high 32 bits are the subleaf. */
async function cpuidOf(path: string, leaf: number, subleaf: number): Promise<CpuidResult> {
  await using file = await open(path, 'r')
  const buffer = new Uint8Array(16)
  const position = (BigInt(subleaf) << 32n) | BigInt(leaf)
  const { bytesRead } = await file.read({ buffer, position })
  const reader = new ByteReader(buffer.subarray(0, bytesRead), 'cpuid')
  return {
    eax: reader.u32le('eax'),
    ebx: reader.u32le('ebx'),
    ecx: reader.u32le('ecx'),
    edx: reader.u32le('edx'),
  }
}
