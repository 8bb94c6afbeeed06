import { SimulatedNodeError } from './node-error.ts'

/** A virtual machine size with SGX. */
export interface NodeSize {
  /** Without `Standard_`: `DC2s_v2`. */
  readonly name: string
  readonly cores: number
  readonly memoryGib: number
  readonly epcMib: number
}

/** DCsv2 and DCsv3/DCdsv3, as Microsoft's pages of the two series list them. */
export const nodeSizes: readonly NodeSize[] = [
  { name: 'DC1s_v2', cores: 1, memoryGib: 4, epcMib: 28 },
  { name: 'DC2s_v2', cores: 2, memoryGib: 8, epcMib: 56 },
  { name: 'DC4s_v2', cores: 4, memoryGib: 16, epcMib: 112 },
  { name: 'DC8_v2', cores: 8, memoryGib: 32, epcMib: 168 },
  ...v3(1, 8, 4_096),
  ...v3(2, 16, 8_192),
  ...v3(4, 32, 16_384),
  ...v3(8, 64, 32_768),
  ...v3(16, 128, 65_536),
  ...v3(24, 192, 131_072),
  ...v3(32, 256, 196_608),
  ...v3(48, 384, 262_144),
]

/**
 * The size of a name, with or without `Standard_`, in any case.
 *
 * @throws {SimulatedNodeError} `ERR_SIMULATOR_SIZE` listing the sizes
 */
export function nodeSize(name: string): NodeSize {
  const wanted = name.toLowerCase().replace(/^standard_/, '')
  const found = nodeSizes.find(size => size.name.toLowerCase() === wanted)
  if (found !== undefined) return found
  const names = nodeSizes.map(size => size.name).join(', ')
  throw new SimulatedNodeError('ERR_SIMULATOR_SIZE', `no size '${name}' with SGX; one of ${names}`)
}

/** The same machine without and with a temporary disk. */
function v3(cores: number, memoryGib: number, epcMib: number): NodeSize[] {
  return ['s', 'ds'].map(kind => ({ name: `DC${cores}${kind}_v3`, cores, memoryGib, epcMib }))
}
