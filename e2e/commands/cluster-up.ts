import { alcoveState } from '../alcove/install.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import { takeDown } from '../cluster/down.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import { dc2sV2, dc8V2, type NodeSpec, plain } from '../cluster/node-spec.ts'
import { lockCluster, openCluster } from './open-cluster.ts'
import { type CommandDeps, prepare } from './prepare.ts'

const known: readonly NodeSpec[] = [dc2sV2, dc8V2, plain]

export interface ClusterUpOptions {
  readonly layout: ClusterLayout
  readonly kubernetes: string
  readonly nodes: string
  readonly bare: boolean
  readonly install: boolean
}

/** `npm run cluster`: a cluster that stays up until it is taken down. */
export async function clusterUp(options: ClusterUpOptions, deps: CommandDeps): Promise<void> {
  const { layout, kubernetes, bare, install } = options
  const nodes = nodesNamed(options.nodes)
  const parts = await prepare({ kubernetes, wanted: ['helm'], prometheus: false, install }, deps)
  await using _lock = await lockCluster(layout, deps)
  try {
    await openCluster({ layout, nodes, parts, bare }, deps)
  } catch (error) {
    if (deps.signal.aborted) await takeDown(layout)
    throw error
  }
  deps.print(usage(layout, bare))
}

function nodesNamed(names: string): readonly NodeSpec[] {
  return [...new Set(names.split(','))].map(name => {
    const spec = known.find(one => one.name === name)
    if (spec !== undefined) return spec
    const want = known.map(one => one.name).join(', ')
    throw new ClusterError('ERR_CLUSTER_NAME', `no node '${name}': there are ${want}`)
  })
}

function usage(layout: ClusterLayout, bare: boolean): string {
  const { kubectl, helm, state, name } = layout
  const named = name === 'alcove' ? '' : ` --name ${name}`
  const next = bare
    ? [`  ${helm} install …`]
    : [
        `  ${kubectl} get pods -A -o wide`,
        `  ${helm} list -A`,
        `  export ALCOVE_STATE=${alcoveState(layout)}  # the keys of its platforms`,
      ]
  return [
    '',
    'The cluster is up, and stays up, in namespaces of its own: nothing of it is on',
    'this machine’s network. Its SGX is simulated. As root:',
    '',
    `  ${kubectl} get nodes`,
    ...next,
    `  npm run cluster -- down${named}`,
    '',
    `Logs and disks of its nodes: ${state}`,
  ].join('\n')
}
