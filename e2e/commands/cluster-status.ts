import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterLayout, nodeDirectory } from '../cluster/layout.ts'
import { initOf } from '../cluster/machine.ts'

interface ClusterState {
  readonly name: string
  readonly kubectl: string
  readonly controlPlane: 'up' | 'down'
  readonly nodes: Readonly<Record<string, 'up' | 'down'>>
}

const NONE_UP = 3

/** `npm run cluster -- status`. */
export async function clusterStatus(
  options: { home: string; output: 'text' | 'json' },
  deps: { print: (text: string) => void },
): Promise<number> {
  const clusters = await Promise.all(
    (await entries(options.home)).map(n => stateOf(options.home, n)),
  )
  if (options.output === 'json') deps.print(JSON.stringify({ clusters }, undefined, 2))
  else if (clusters.length === 0)
    deps.print('no cluster on this machine; npm run cluster brings one up')
  else for (const cluster of clusters) deps.print(textOf(cluster))
  return clusters.some(({ controlPlane }) => controlPlane === 'up') ? 0 : NONE_UP
}

async function stateOf(home: string, name: string): Promise<ClusterState> {
  const layout = clusterLayout(name, home)
  const nodes = await entries(join(layout.state, 'nodes'))
  const states = await Promise.all(
    nodes.map(async node => [node, await upOrDown(nodeDirectory(layout, node))] as const),
  )
  const { kubectl } = layout
  const controlPlane = await upOrDown(layout.controlPlane)
  return { name, kubectl, controlPlane, nodes: Object.fromEntries(states) }
}

async function upOrDown(directory: string): Promise<'up' | 'down'> {
  return (await initOf(directory)) === undefined ? 'down' : 'up'
}

async function entries(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch(() => [])).toSorted()
}

function textOf({ name, controlPlane, nodes, kubectl }: ClusterState): string {
  const list = Object.entries(nodes).map(([node, state]) => `${node} ${state}`)
  return `${name}: control plane ${controlPlane}; ${list.join(', ')}\n  ${kubectl}`
}
