import { EPC_RESOURCE } from '@alcove/device-plugin'
import { connectStandIn } from '@alcove/kubelet'
import { NodeError } from './node-error.ts'
import { type NodePaths, nodePaths } from './node-paths.ts'
import { readUpStatus, type UpNode } from './up-status.ts'

/**
 * Chooses the node for a program that asks for `epcMiB`, as a scheduler does: the first with that much EPC left. Where
 * there is one node only, or one is named, its kubelet decides.
 *
 * @throws {NodeError} `ERR_NODE_ABSENT`; `ERR_NODE_NO_ROOM` saying of every node why not
 */
export async function placeProgram(
  state: string,
  epcMiB: number,
  wanted: string | undefined,
): Promise<{ name: string; paths: NodePaths; nodes: number }> {
  const { nodes } = await readUpStatus(state)
  const placed = ({ name, base }: UpNode) => ({ name, paths: nodePaths(base), nodes: nodes.length })
  const named = wanted === undefined ? undefined : nodes.find(({ name }) => name === wanted)
  if (named?.refusal != null) {
    throw new NodeError(
      'ERR_NODE_NO_ROOM',
      `${named.name} offers no EPC: ${named.refusal}; or use another node`,
    )
  }
  if (named !== undefined) return placed(named)
  const names = nodes.map(({ name }) => name).join(', ')
  if (wanted !== undefined)
    throw new NodeError(
      'ERR_NODE_ABSENT',
      `no node '${wanted}' is up; there are ${names}: name one of them, or none to have one chosen`,
    )
  const [only] = nodes
  if (only !== undefined && nodes.length === 1) return placed(only)
  const reasons: string[] = []
  for (const node of nodes) {
    const free = node.refusal === null ? await freeMiB(node) : 0
    if (free >= epcMiB && node.refusal === null) return placed(node)
    reasons.push(`${node.name}: ${node.refusal === null ? `${free} MiB left` : 'offers no EPC'}`)
  }
  throw new NodeError(
    'ERR_NODE_NO_ROOM',
    `no node has ${epcMiB} MiB of EPC left (${reasons.join('; ')}): ask for less, or wait until another program ends`,
  )
}

async function freeMiB({ base }: UpNode): Promise<number> {
  const { resources } = await (await connectStandIn(nodePaths(base).controlSocket)).status()
  const epc = resources.find(({ name }) => name === EPC_RESOURCE)
  return epc === undefined ? 0 : epc.allocatable - epc.allocated
}
