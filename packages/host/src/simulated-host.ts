import { readFile, realpath, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { orAbsent } from './absence.ts'
import type { Host } from './host.ts'
import { HostError } from './host-error.ts'
import { accessOf } from './mounted-host.ts'
import {
  cpuidKey,
  parseSimulatedNodeMarker,
  SIMULATED_NODE_MARKER,
  type SimulatedNodeMarker,
} from './simulated-marker.ts'

export interface SimulatedHost extends Host {
  readonly marker: SimulatedNodeMarker
}

/**
 * A simulated node's root: a directory whose marker file lists the device nodes and CPUID leaves that plain files
 * cannot be. Files are read below the root and nowhere else, symbolic links included.
 *
 * @throws {HostError} `ERR_HOST_NOT_SIMULATED` for a directory without the marker; `ERR_HOST_MARKER` for a bad one
 * @see docs/formats/simulated-root.md
 */
export async function simulatedHost(root: string): Promise<SimulatedHost> {
  const marker = await readMarker(root)
  const devices = new Set(marker.devices)
  const leaves = new Map(Object.entries(marker.cpuid))
  const top = await realpath(root)
  return {
    marker,
    read: path => readBelow(top, path),
    isCharDevice: async path => {
      const device = resolve('/', path)
      if (!devices.has(device)) return false
      return (await orAbsent(path, stat(join(top, device)))) !== undefined
    },
    access: async path => {
      const file = resolve('/', path)
      const own = accessOf(await orAbsent(path, stat(join(top, file))))
      return own && (marker.access?.[file] ?? own)
    },
    cpuid: (leaf, subleaf) => Promise.resolve(leaves.get(cpuidKey(leaf, subleaf))),
  }
}

async function readMarker(root: string): Promise<SimulatedNodeMarker> {
  const path = join(root, SIMULATED_NODE_MARKER)
  const bytes = await orAbsent(path, readFile(path))
  if (bytes !== undefined) return parseSimulatedNodeMarker(path, bytes)
  throw new HostError(
    'ERR_HOST_NOT_SIMULATED',
    path,
    'no such file, so this is not the root of a simulated node; name a root that Alcove wrote (`alcove up` prints its own), or drop --simulated-root on a machine with SGX',
  )
}

async function readBelow(top: string, path: string): Promise<Uint8Array | undefined> {
  const real = await orAbsent(path, realpath(join(top, resolve('/', path))))
  if (real === undefined) return undefined
  if (real !== top && !real.startsWith(top === sep ? sep : top + sep)) {
    throw new HostError('ERR_HOST_PATH', path, 'a symbolic link leads out of the simulated root')
  }
  return orAbsent(path, readFile(real))
}
