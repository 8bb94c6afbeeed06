import { z } from 'zod'

/** As much of a Node as discovery decides by. */
export interface NodeObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }
  readonly status: {
    readonly capacity: Readonly<Record<string, string>>
    readonly conditions: readonly NodeCondition[]
  }
}

export interface NodeCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime?: string | null | undefined
}

const words = z.record(z.string(), z.string()).default({})

export const NodeObject: z.ZodType<NodeObject> = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: words,
    annotations: words,
  }),
  status: z
    .object({
      capacity: words,
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().default(''),
            message: z.string().default(''),
            lastTransitionTime: z.string().nullish(),
          }),
        )
        .default([]),
    })
    .default({ capacity: {}, conditions: [] }),
})
