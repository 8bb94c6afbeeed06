import { stat } from 'node:fs/promises'
import {
  type Capability,
  capability,
  firstUnmet,
  HostError,
  mountedHost,
  type NodeFacts,
  readNode,
  simulatedHost,
} from '@alcove/host'
import type { KubectlOptions } from '../cluster/kubectl.ts'
import { Exit, UsageError } from '../exit.ts'
import { jsonText } from '../plain-text.ts'
import { type ClusterDeps, expectNoKubectl } from './cluster-status.ts'
import { doctorNodeCommand } from './doctor-node.ts'
import { doctorJson, doctorLines } from './doctor-report.ts'

export interface DoctorOptions extends KubectlOptions {
  /** Name of a cluster’s node, of which the API server is asked. */
  readonly node?: string
  readonly simulatedRoot?: string
  /** Where the node's root is mounted; `/` where nothing is said. */
  readonly hostRoot?: string
  readonly output: string
}

/** What `alcove doctor` found. */
export interface Diagnosis {
  /** `undefined` for a machine, which is not simulated. */
  readonly simulated: { readonly size: string; readonly os: string } | undefined
  readonly facts: NodeFacts
  readonly capability: Capability
  /** One line for a person. */
  readonly conclusion: string
}

/**
 * `alcove doctor`: what this node has of SGX, whether it can serve, and if not, what is missing and what to do.
 *
 * @returns 0 where the node is capable, 3 where it is not, or that cannot be told
 * @throws {KubectlError} where a cluster's node is asked for
 * @throws {HostError} for a root that cannot be read, or is malformed
 */
export async function doctorCommand(options: DoctorOptions, deps: ClusterDeps): Promise<number> {
  const { node, simulatedRoot, hostRoot } = options
  if (node !== undefined) {
    if (simulatedRoot !== undefined || hostRoot !== undefined) {
      throw new UsageError('--node asks the cluster: it goes with neither root')
    }
    return doctorNodeCommand({ ...options, node }, deps)
  }
  expectNoKubectl(options, '--node')
  const diagnosis = await diagnose(options)
  if (options.output === 'json') deps.print(jsonText(doctorJson(diagnosis)))
  else for (const line of doctorLines(diagnosis)) deps.print(line)
  return diagnosis.capability.capable ? Exit.ok : Exit.refused
}

async function diagnose({ simulatedRoot, hostRoot }: DoctorOptions): Promise<Diagnosis> {
  if (simulatedRoot !== undefined && hostRoot !== undefined) {
    throw new UsageError('--simulated-root and --host-root exclude each other: name one')
  }
  if (simulatedRoot !== undefined) {
    await expectDirectory('--simulated-root', simulatedRoot)
    const host = await simulatedHost(simulatedRoot)
    const { size, os } = host.marker
    return concluded(await readNode(host), { size, os })
  }
  const root = hostRoot ?? '/'
  await expectDirectory('--host-root', root)
  return concluded(await readNode(mountedHost(root, { executeCpuid: true })), undefined)
}

/** All of a root that is not there would be absent, and that would be said of the node. */
async function expectDirectory(option: string, root: string): Promise<void> {
  if (root === '') throw new UsageError(`${option} is empty: name a directory`)
  const name =
    option === '--host-root' ? 'where the node is mounted' : 'the root of a simulated node'
  try {
    if ((await stat(root)).isDirectory()) return
  } catch (cause) {
    throw new HostError('ERR_HOST_READ', root, `cannot be read; name ${name}`, { cause })
  }
  throw new HostError('ERR_HOST_READ', root, `is no directory; name ${name}`)
}

function concluded(facts: NodeFacts, simulated: Diagnosis['simulated']): Diagnosis {
  const found = capability(facts)
  return { simulated, facts, capability: found, conclusion: conclusionOf(found, simulated) }
}

function conclusionOf(found: Capability, simulated: Diagnosis['simulated']): string {
  const node = simulated === undefined ? 'this node' : 'this simulated node'
  const begin = firstUnmet(found)
  if (begin === undefined) return `CAPABLE: ${node} can run enclaves and make quotes`
  return begin.met === false
    ? `NOT CAPABLE: ${node} cannot serve; begin with ${begin.name}`
    : `CANNOT TELL whether ${node} can serve; begin with ${begin.name}`
}
