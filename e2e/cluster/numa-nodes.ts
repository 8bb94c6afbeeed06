import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterError } from './cluster-error.ts'

// /sys/devices/system/node of a machine with several NUMA nodes: what the kubelet, cAdvisor and Alcove read there.

/**
 * Writes it into `directory`: one node per entry of `epcBytes`, the machine's CPUs and memory split among them. Everything is new,
 * nothing of the machine's own is below: a node that it has and that is not wanted is not there.
 *
 * @throws {ClusterError} `ERR_CLUSTER_MACHINE` where there are more nodes than CPUs
 * @see the kernel's Documentation/ABI/stable/sysfs-devices-node
 */
export async function writeNumaNodes(
  directory: string,
  epcBytes: readonly number[],
): Promise<void> {
  const cpus = parseCpuList(await readFile('/sys/devices/system/cpu/online', 'utf8'))
  const count = epcBytes.length
  if (cpus.length < count) {
    const text = `${count} NUMA nodes need as many CPUs; this machine has ${cpus.length}`
    throw new ClusterError('ERR_CLUSTER_MACHINE', text)
  }
  const memoryKb = Math.floor(totalKb(await readFile('/proc/meminfo', 'utf8')) / count)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const all = `0-${count - 1}\n`
  for (const file of ['online', 'possible', 'has_cpu', 'has_memory', 'has_normal_memory']) {
    await writeFile(join(directory, file), all)
  }
  for (const [node, bytes] of epcBytes.entries()) {
    const own = cpus.slice(
      Math.floor((node * cpus.length) / count),
      Math.floor(((node + 1) * cpus.length) / count),
    )
    await writeNode(join(directory, `node${node}`), { node, count, cpus: own, memoryKb, bytes })
  }
}

interface NumaNode {
  readonly node: number
  readonly count: number
  readonly cpus: readonly number[]
  readonly memoryKb: number
  /** Of EPC. */
  readonly bytes: number
}

async function writeNode(directory: string, numa: NumaNode): Promise<void> {
  const { node, count, cpus, memoryKb, bytes } = numa
  await mkdir(join(directory, 'x86'), { recursive: true })
  await mkdir(join(directory, 'hugepages'))
  const files = {
    cpulist: cpus.join(','),
    cpumap: cpuMap(cpus),
    distance: Array.from({ length: count }, (_, to) => (to === node ? LOCAL : REMOTE)).join(' '),
    meminfo: ['MemTotal', 'MemFree'].map(it => `Node ${node} ${it}: ${memoryKb} kB`).join('\n'),
    'x86/sgx_total_bytes': bytes,
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), `${text}\n`)
  }
  for (const cpu of cpus) await symlink(`../../cpu/cpu${cpu}`, join(directory, `cpu${cpu}`))
}

/** As ACPI's SLIT counts distances: 10 is one's own node. */
const LOCAL = 10
const REMOTE = 21

/** `0-1,4` is CPUs 0, 1 and 4. */
export function parseCpuList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .flatMap(range => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, index) => first + index)
    })
}

/** A bit per CPU, in hexadecimal, the highest 32 first: CPUs 0 and 33 are `00000002,00000001`. */
export function cpuMap(cpus: readonly number[]): string {
  const bits = cpus.reduce((map, cpu) => map | (1n << BigInt(cpu)), 0n)
  const digits = bits.toString(16)
  const padded = digits.padStart(Math.ceil(digits.length / WORD) * WORD, '0')
  return (padded.match(/.{8}/g) ?? []).join(',')
}

const WORD = 8

function totalKb(meminfo: string): number {
  return Number(/^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0)
}
