import { z } from 'zod'
import type { Api } from '../kube/api.ts'
import { allocatable, isReady, type Node, waitForNode } from '../kube/nodes.ts'
import { EPC } from './names.ts'

const PodList = z.object({
  items: z.array(
    z.object({
      spec: z.object({
        nodeName: z.string().optional(),
        containers: z.array(
          z.object({
            resources: z
              .object({ requests: z.record(z.string(), z.string()).default({}) })
              .default({ requests: {} }),
          }),
        ),
      }),
      status: z.object({ phase: z.string() }),
    }),
  ),
})

/** What the pods on a node that have not ended ask for together, in MiB: Alcove's own pods ask for some, too. */
export async function requestedEpcMiB(api: Api, node: string): Promise<number> {
  const selector = encodeURIComponent(`spec.nodeName=${node}`)
  const { items } = PodList.parse(await api.get(`/api/v1/pods?fieldSelector=${selector}`))
  return items
    .filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed')
    .flatMap(({ spec }) => spec.containers)
    .reduce((sum, { resources }) => sum + Number(resources.requests[EPC] ?? 0), 0)
}

/** What a node has left, in MiB, as the scheduler reckons it; once it has any, should its kubelet have started just now. */
export async function freeEpcMiB(api: Api, name: string): Promise<number> {
  const offers = (node: Node): boolean => isReady(node) && allocatable(node, EPC) > 0
  const node = await waitForNode(api, name, offers, { what: `${name} to offer EPC` })
  return allocatable(node, EPC) - (await requestedEpcMiB(api, name))
}
