import { listPods, type Pod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { SYSTEM_NAMESPACE } from './names.ts'
import type { World } from './world.ts'

const SELECTOR = 'app.kubernetes.io/name=alcove-device-plugin'

/** The device plugin's pod on a node that is ready and not about to end. */
export async function pluginPod({ api }: World, node: string): Promise<Pod> {
  return waitUntil(
    async () => {
      const pods = await listPods(api, SYSTEM_NAMESPACE, SELECTOR)
      return pods.find(
        ({ spec, status, metadata }) =>
          spec.nodeName === node &&
          metadata.deletionTimestamp === undefined &&
          status.containerStatuses.some(({ ready }) => ready),
      )
    },
    { what: `a ready device plugin on ${node}` },
  )
}

/** Kills the plugin's process on a node, as the kernel does that is out of memory. Its pod restarts it. */
export async function killPlugin(world: World, node: string): Promise<void> {
  await world.node(node).run('pkill', '-KILL', '-f', '^/usr/local/bin/alcove-node .*device-plugin')
}

/** How often the plugin's container on a node was started again. */
export async function restartsOf(world: World, node: string): Promise<number> {
  return (await pluginPod(world, node)).status.containerStatuses[0]?.restartCount ?? 0
}
