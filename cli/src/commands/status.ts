import { EPC_RESOURCE } from '@alcove/device-plugin'
import { connectStandIn, type StandInStatus } from '@alcove/kubelet'
import { connectPlatform } from '@alcove/simulator/client'
import { Exit } from '../exit.ts'
import { nodePaths } from '../node/node-paths.ts'
import { readUpStatus, type UpNode } from '../node/up-status.ts'
import { jsonText } from '../plain-text.ts'
import { statePath } from '../state.ts'
import { wrapped } from '../wrap.ts'

/** A node as `status` shows it: what is offered, what is held, what is used. */
export interface NodeStatus {
  readonly name: string
  readonly size: string
  readonly os: string
  readonly tcb: string
  readonly refusal: string | null
  readonly epc: {
    readonly allocatedMiB: number
    readonly allocatableMiB: number
    readonly usedMiB: number
  } | null
  readonly programs: StandInStatus['programs']
  readonly quotes: number
  readonly aesmSocket: string
}

const MIB = 2 ** 20

/** `alcove status`: the nodes that are up, their EPC, programs and quotes. */
export async function statusCommand(
  options: { state?: string; output: string },
  deps: { print: (text: string) => void },
): Promise<number> {
  const { pid, nodes } = await readUpStatus(statePath(options.state))
  const shown = await Promise.all(nodes.map(statusOf))
  if (options.output === 'json') {
    deps.print(jsonText({ pid, simulated: true, nodes: shown }))
    return Exit.ok
  }
  deps.print(`Simulated nodes of process ${pid}\n`)
  deps.print(row('node', 'size', 'driver', 'EPC allocated', 'pages used', 'quotes'))
  for (const node of shown) {
    const { epc } = node
    const allocated =
      epc === null ? 'none offered' : `${epc.allocatedMiB} of ${epc.allocatableMiB} MiB`
    const used = epc === null ? '–' : `${epc.usedMiB.toFixed(1)} MiB`
    deps.print(row(node.name, node.size, node.os, allocated, used, String(node.quotes)))
    if (node.refusal !== null) deps.print(wrapped(node.refusal, '  '))
    for (const { id, name, pid, limits } of node.programs) {
      deps.print(`  program ${id}: ${name}, process ${pid}, limit ${limits[EPC_RESOURCE] ?? 0} MiB`)
    }
  }
  return Exit.ok
}

async function statusOf(node: UpNode): Promise<NodeStatus> {
  const { base, ...told } = node
  const paths = nodePaths(base)
  const { resources, programs } = await (await connectStandIn(paths.controlSocket)).status()
  const epc = resources.find(({ name }) => name === EPC_RESOURCE)
  const offered = node.refusal === null && epc !== undefined
  return {
    ...told,
    epc: offered
      ? {
          allocatedMiB: epc.allocated,
          allocatableMiB: epc.allocatable,
          usedMiB: await usedMiB(paths.platformSocket),
        }
      : null,
    programs,
    aesmSocket: paths.aesmSocket,
  }
}

/** EPC pages that enclaves hold, whatever was allocated. */
async function usedMiB(platformSocket: string): Promise<number> {
  await using platform = await connectPlatform(platformSocket, undefined)
  const { node } = await platform.epc()
  return (node.totalBytes - node.freeBytes) / MIB
}

function row(
  ...[name = '', size = '', os = '', allocated = '', used = '', quotes = '']: string[]
): string {
  const left = [
    name.padEnd(7),
    size.padEnd(10),
    os.padEnd(11),
    allocated.padEnd(20),
    used.padEnd(12),
  ]
  return `${left.join('')}${quotes}`.trimEnd()
}
