import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SIMULATED_NODE_MARKER, type SimulatedNodeMarker } from '@alcove/host'
import { simulatedCpuid } from './cpuid.ts'
import { type Device, devicesOf } from './devices.ts'
import { SimulatedNodeError } from './node-error.ts'
import { nodeFiles } from './node-files.ts'
import { nodeSize } from './sizes.ts'
import {
  type SimulatedFault,
  type SimulatedOs,
  type SimulatedVariant,
  traitsOf,
} from './variant.ts'

export interface SimulatedRootOptions {
  /** `DC2s_v2`, `Standard_DC48s_v3`: see `nodeSizes`. */
  readonly size: string
  readonly os: SimulatedOs
  /** What the simulated platform demands of whoever opens the enclave device: the content of its file, exactly. */
  readonly enclaveToken: string
  readonly provisionToken: string
  /** Over how many NUMA nodes the EPC is spread, in equal parts; 1 where nothing is said. */
  readonly numaNodes?: 1 | 2
  /** What is wrong with the node; nothing, where nothing is said. */
  readonly fault?: SimulatedFault
}

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
  const { os, numaNodes = 1, fault } = options
  const variant = { size: nodeSize(options.size), os, numaNodes, fault }
  const devices = devicesOf(variant, options)
  const marker = markerOf(variant, devices)
  const files = new Map([
    ...devices.map(({ path, token }) => [path, token] as const),
    ...nodeFiles(variant),
  ])
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
const ownParts = ['boot', 'dev', 'etc', 'proc', 'sys'] as const

async function claim(directory: string): Promise<void> {
  const entries = await readdir(directory)
  const ours = entries.includes(SIMULATED_NODE_MARKER) || entries.includes(unfinishedMarker)
  if (entries.length === 0 || ours) return
  throw new SimulatedNodeError(
    'ERR_SIMULATOR_DIRECTORY',
    `${directory}: not empty, and not a simulated root (no ${SIMULATED_NODE_MARKER}): name a new directory, or empty this one`,
  )
}

function markerOf(variant: SimulatedVariant, devices: readonly Device[]): SimulatedNodeMarker {
  return {
    alcoveSimulatedNode: 1,
    size: variant.size.name,
    os: variant.os,
    devices: devices.map(({ path }) => path),
    access: Object.fromEntries(devices.map(({ path, access }) => [path, access])),
    cpuid: simulatedCpuid(traitsOf(variant)),
  }
}
