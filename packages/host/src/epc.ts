import { parseEpcSection } from '@alcove/sgx'
import type { Host } from './host.ts'
import { HostError } from './host-error.ts'

/** How much EPC the node has, and who said so. */
export interface Epc {
  /** 0 where there is none, or nothing says. */
  readonly bytes: number
  readonly source: EpcSource
  /** EPC of each NUMA node; empty under `cpuid`, which does not tell nodes apart. */
  readonly nodes: readonly NumaNodeEpc[]
}

/** `none`: neither sysfs nor CPUID knows of any. */
export type EpcSource = 'sysfs' | 'cpuid' | 'none'

export interface NumaNodeEpc {
  readonly node: number
  readonly bytes: number
  /** The file that says so. */
  readonly path: string
}

/**
 * EPC as sysfs counts it (Linux 5.17 and later), per NUMA node. `none` where no node has the file.
 *
 * @throws {HostError} `ERR_HOST_SYSFS` for a file that does not hold a number, or list of nodes
 * @see the kernel's Documentation/ABI/stable/sysfs-devices-node
 */
export async function readSysfsEpc(host: Host): Promise<Epc> {
  const nodes: NumaNodeEpc[] = []
  for (const node of await onlineNodes(host)) {
    const path = `/sys/devices/system/node/node${node}/x86/sgx_total_bytes`
    const text = await readText(host, path)
    if (text !== undefined) nodes.push({ node, bytes: parseBytes(path, text), path })
  }
  if (nodes.length === 0) return noEpc
  const bytes = nodes.reduce((total, node) => total + node.bytes, 0)
  return { bytes, source: 'sysfs', nodes }
}

/** EPC as the CPU lists its sections, for kernels without the sysfs file. */
export async function readCpuidEpc(host: Host): Promise<Epc> {
  const features = await host.cpuid(featureLeaf, 0)
  if (features === undefined || (features.ebx & sgxFeature) === 0) return noEpc
  let bytes = 0n
  for (let section = 0; section < maxSections; section++) {
    const leaf = await host.cpuid(sgxLeaf, firstSectionSubleaf + section)
    const found = leaf && parseEpcSection(leaf)
    if (found === undefined) break
    bytes += found.bytes
  }
  return bytes === 0n ? noEpc : { bytes: Number(bytes), source: 'cpuid', nodes: [] }
}

export const noEpc: Epc = { bytes: 0, source: 'none', nodes: [] }

const featureLeaf = 0x7
/** EBX bit 2: Linux, arch/x86/include/asm/cpufeatures.h, X86_FEATURE_SGX. */
const sgxFeature = 1 << 2
const sgxLeaf = 0x12
const firstSectionSubleaf = 2
/** A bound on what a CPU may list. */
const maxSections = 8

const onlinePath = '/sys/devices/system/node/online'
/** A bound on NUMA node numbers. */
const maxNode = 1023

/** `0-1,4` is nodes 0, 1 and 4. A kernel without NUMA has no such file. */
async function onlineNodes(host: Host): Promise<readonly number[]> {
  const text = await readText(host, onlinePath)
  if (text === undefined) return []
  return text.split(',').flatMap(range => {
    const [, first = '', last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? []
    const [low, high] = [Number(first), Number(last)]
    if (first === '' || low > high || high > maxNode) throw malformed(onlinePath, 'a list of nodes')
    return Array.from({ length: high - low + 1 }, (_, index) => low + index)
  })
}

function parseBytes(path: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw malformed(path, 'a number of bytes')
  return Number(text)
}

function malformed(path: string, want: string): HostError {
  const detail = `does not hold ${want}; is the node's /sys mounted there?`
  return new HostError('ERR_HOST_SYSFS', path, detail)
}

async function readText(host: Host, path: string): Promise<string | undefined> {
  const bytes = await host.read(path)
  return bytes && new TextDecoder().decode(bytes).trim()
}
