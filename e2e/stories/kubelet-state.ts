import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { boxPod } from './pod-manifest.ts'
import { type NodeHandle, onDisk, type World } from './world.ts'

const Checkpoint = z.object({
  Data: z.object({
    PodDeviceEntries: z
      .array(
        z.object({
          PodUID: z.string(),
          ContainerName: z.string(),
          ResourceName: z.string(),
          DeviceIDs: z.record(z.string(), z.array(z.string())),
        }),
      )
      .nullable(),
  }),
})

/** Where the kubelet writes down which pod holds which devices. */
export function checkpointPath(node: NodeHandle): string {
  return join(onDisk(node, '/var/lib/kubelet/device-plugins'), 'kubelet_internal_checkpoint')
}

export interface HeldByContainer {
  readonly container: string
  readonly ids: readonly string[]
  /** How many are on which NUMA node; `-1` where the plugin said none. */
  readonly byNumaNode: Readonly<Record<string, number>>
}

/** A pod's devices, as the kubelet has written them down. */
export async function devicesHeld(
  node: NodeHandle,
  podUid: string,
  resource: string,
): Promise<readonly HeldByContainer[]> {
  const { Data } = Checkpoint.parse(JSON.parse(await readFile(checkpointPath(node), 'utf8')))
  return (Data.PodDeviceEntries ?? [])
    .filter(({ PodUID, ResourceName }) => PodUID === podUid && ResourceName === resource)
    .map(({ ContainerName, DeviceIDs }) => {
      const nodes = Object.entries(DeviceIDs).filter(([, ids]) => ids.length > 0)
      return {
        container: ContainerName,
        ids: nodes.flatMap(([, ids]) => ids),
        byNumaNode: Object.fromEntries(nodes.map(([numa, ids]) => [numa, ids.length])),
      }
    })
}

/** How many of the devices of a pod with one container are on which NUMA node. */
export async function devicesByNumaNode(
  node: NodeHandle,
  podUid: string,
  resource: string,
): Promise<Readonly<Record<string, number>>> {
  return (await devicesHeld(node, podUid, resource))[0]?.byNumaNode ?? {}
}

/** Kills the kubelet; answers when the next one serves plugins: the birth of its socket, in milliseconds since 1970. */
export async function restartKubelet(node: NodeHandle): Promise<number> {
  const before = await socketBirth(node)
  await node.kill('kubelet')
  return waitUntil(
    async () => {
      const birth = await socketBirth(node)
      return birth === before ? undefined : birth
    },
    { what: `a new kubelet.sock on ${node.name}`, everyMs: 20 },
  )
}

/** When the kubelet's registration socket was made, in milliseconds since 1970; `undefined` where there is none. */
export async function socketBirth(node: NodeHandle): Promise<number | undefined> {
  const path = join(onDisk(node, '/var/lib/kubelet/device-plugins'), 'kubelet.sock')
  return (await stat(path).catch(() => undefined))?.birthtimeMs
}

/** The node's kubelet with other fields in its KubeletConfiguration, until disposed of. */
export async function reconfigureKubelet(
  world: World,
  node: NodeHandle,
  namespace: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<AsyncDisposable> {
  const path = join(node.directory, 'kubelet.json')
  const former = await readFile(path, 'utf8')
  const use = async (text: string): Promise<void> => {
    await writeFile(path, text)
    await restartKubelet(node)
  }
  const read = z.record(z.string(), z.unknown()).parse(JSON.parse(former))
  await use(JSON.stringify({ ...read, ...fields }))
  await settle(world, node, namespace)
  return { [Symbol.asyncDispose]: () => use(former) }
}

/**
 * Waits until a kubelet that has started has run an ordinary pod. The pods that it finds when it starts are admitted before it frees
 * the devices of those that ended since it last admitted one: 1.37.2, `UpdateAllocatedDevices`, which waits for every source of pods.
 */
export async function settle({ api }: World, node: NodeHandle, namespace: string): Promise<void> {
  const name = `settle-${Date.now().toString(36)}`
  const pod = boxPod({ name, nodeName: node.name, script: 'true' })
  await api.create(podsPath(namespace), pod)
  await waitForPod(api, namespace, name, hasEnded, { what: `an ordinary pod on ${node.name}` })
}
