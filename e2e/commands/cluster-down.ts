import { takeDown } from '../cluster/down.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import { lockCluster } from './open-cluster.ts'
import type { CommandDeps } from './prepare.ts'

/** `npm run cluster -- down`. */
export async function clusterDown(layout: ClusterLayout, deps: CommandDeps): Promise<void> {
  await using _lock = await lockCluster(layout, deps)
  await takeDown(layout)
  deps.print(`cluster ${layout.name} is down`)
}
