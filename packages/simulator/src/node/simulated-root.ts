import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SIMULATED_NODE_MARKER, type SimulatedNodeMarker } from '@alcove/host'
import { simulatedCpuid } from './cpuid.ts'
import { SimulatedNodeError } from './node-error.ts'
import { type NodeSize, nodeSize } from './sizes.ts'

export interface SimulatedRootOptions {
  /** `DC2s_v2`, `Standard_DC48s_v3`: see `nodeSizes`. */
  readonly size: string
  readonly os: SimulatedOs
  /** What the simulated platform demands of whoever opens the enclave device: the content of its file, exactly. */
  readonly enclaveToken: string
  readonly provisionToken: string
}

/** `in-kernel`: Linux with the driver and sysfs counts; `dcap-1.33`: Ubuntu 18.04 with Intel's DCAP driver. */
export type SimulatedOs = 'in-kernel' | 'dcap-1.33'

/**
 * Lays out a simulated node's root at `directory`: 0700, device files 0600 with the tokens, the marker last. A
 * simulated root that is there already is replaced; what others put beside its files (`run/`, say) stays.
 *
 * @throws {SimulatedNodeError} `ERR_SIMULATOR_SIZE` for a size that is not known; `ERR_SIMULATOR_DIRECTORY` for a
 *   directory that holds something else
 * @see docs/formats/simulated-root.md
 */
export async function writeSimulatedRoot(
  directory: string,
  options: SimulatedRootOptions,
): Promise<void> {
  const size = nodeSize(options.size)
  const marker = markerOf(size, options.os)
  const files = filesOf(size, options)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await claim(directory)
  await chmod(directory, 0o700)
  const unfinished = join(directory, unfinishedMarker)
  await writeFile(unfinished, `${JSON.stringify(marker, undefined, 2)}\n`, { mode: 0o600 })
  await rm(join(directory, SIMULATED_NODE_MARKER), { force: true })
  for (const part of ownParts) await rm(join(directory, part), { recursive: true, force: true })
  for (const [path, text] of files) {
    const file = join(directory, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, text, { mode: 0o600, flag: 'wx' })
  }
  await rename(unfinished, join(directory, SIMULATED_NODE_MARKER))
}

/** What is there while a root is being written: says whose the directory is, and that it is not to be used. */
const unfinishedMarker = `${SIMULATED_NODE_MARKER}.unfinished`
const ownParts = ['dev', 'sys', 'proc', 'etc'] as const

async function claim(directory: string): Promise<void> {
  const entries = await readdir(directory)
  const ours = entries.includes(SIMULATED_NODE_MARKER) || entries.includes(unfinishedMarker)
  if (entries.length === 0 || ours) return
  throw new SimulatedNodeError(
    'ERR_SIMULATOR_DIRECTORY',
    `${directory}: not empty, and not a simulated root (no ${SIMULATED_NODE_MARKER}): name a new directory, or empty this one`,
  )
}

interface Devices {
  readonly enclave: string
  readonly provision: string
}

const devicesOf: Readonly<Record<SimulatedOs, Devices>> = {
  'in-kernel': { enclave: '/dev/sgx_enclave', provision: '/dev/sgx_provision' },
  'dcap-1.33': { enclave: '/dev/sgx/enclave', provision: '/dev/sgx/provision' },
}

function markerOf(size: NodeSize, os: SimulatedOs): SimulatedNodeMarker {
  const { enclave, provision } = devicesOf[os]
  return {
    alcoveSimulatedNode: 1,
    size: size.name,
    os,
    devices: [enclave, provision],
    cpuid: simulatedCpuid(epcBytesOf(size)),
  }
}

function filesOf(size: NodeSize, options: SimulatedRootOptions): Map<string, string> {
  const { enclave, provision } = devicesOf[options.os]
  const files = new Map([
    [enclave, options.enclaveToken],
    [provision, options.provisionToken],
    ['/proc/cpuinfo', cpuinfo(size.cores)],
    ['/etc/os-release', osReleases[options.os]],
    ['/sys/devices/system/node/online', '0\n'],
  ])
  if (options.os === 'in-kernel') {
    // The kernel of the DCAP driver is older than this file: EPC is told by CPUID alone.
    files.set('/sys/devices/system/node/node0/x86/sgx_total_bytes', `${epcBytesOf(size)}\n`)
  }
  return files
}

const osReleases: Readonly<Record<SimulatedOs, string>> = {
  'in-kernel': osRelease('22.04'),
  'dcap-1.33': osRelease('18.04'),
}

function osRelease(version: string): string {
  return `ID=ubuntu\nVERSION_ID="${version}"\nPRETTY_NAME="Ubuntu ${version} (simulated by Alcove)"\n`
}

function cpuinfo(cores: number): string {
  const core = (processor: number) =>
    `processor\t: ${processor}\nmodel name\t: Alcove simulated CPU\nflags\t\t: sgx sgx_lc fsgsbase\n\n`
  return Array.from({ length: cores }, (_, processor) => core(processor)).join('')
}

function epcBytesOf(size: NodeSize): bigint {
  return BigInt(size.epcMib) << 20n
}
