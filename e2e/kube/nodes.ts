import { z } from 'zod'
import type { Api } from './api.ts'
import { waitForObject } from './wait.ts'

/** What the stories read of a node. */
export interface Node {
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly status: {
    readonly capacity: Readonly<Record<string, string>>
    readonly allocatable: Readonly<Record<string, string>>
    readonly conditions: readonly { readonly type: string; readonly status: string }[]
    readonly nodeInfo: {
      readonly bootID: string
      readonly osImage: string
      readonly kubeletVersion: string
      readonly containerRuntimeVersion: string
    }
  }
}

const texts = z.record(z.string(), z.string()).default({})

export const nodeSchema: z.ZodType<Node> = z.object({
  metadata: z.object({ name: z.string(), labels: texts }),
  status: z.object({
    capacity: texts,
    allocatable: texts,
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
    nodeInfo: z.object({
      bootID: z.string(),
      osImage: z.string(),
      kubeletVersion: z.string(),
      containerRuntimeVersion: z.string(),
    }),
  }),
})

export async function getNode(api: Api, name: string): Promise<Node> {
  return nodeSchema.parse(await api.get(`/api/v1/nodes/${name}`))
}

export async function waitForNode(
  api: Api,
  name: string,
  holds: (node: Node) => boolean,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<Node> {
  const path = `/api/v1/nodes?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`
  return waitForObject(api, path, nodeSchema, holds, options)
}

export function isReady({ status }: Node): boolean {
  return status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True')
}

/** How much of a resource the scheduler may give away there; 0 where the node does not have it. */
export function allocatable({ status }: Node, resource: string): number {
  return Number(status.allocatable[resource] ?? 0)
}
