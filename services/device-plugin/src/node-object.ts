import { KubeApiError, parseQuantity } from '@alcove/kube-api'
import { z } from 'zod'
import { EPC_BYTES_RESOURCE } from './resource-names.ts'

/** As much of a Node as the plugin reads. */
export interface NodeObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly managedFields: readonly {
      readonly manager: string
      readonly time: string
      readonly fieldsV1: {
        readonly 'f:status': { readonly 'f:capacity': Readonly<Record<string, unknown>> }
      }
    }[]
  }
  readonly spec: { readonly taints: readonly { readonly key: string }[] }
  readonly status: {
    readonly capacity: Readonly<Record<string, string>>
    readonly allocatable: Readonly<Record<string, string>>
  }
}

const quantities = z.record(z.string().max(320), z.string().max(64)).default({})
const capacityField = z.object({ 'f:capacity': z.record(z.string(), z.unknown()).default({}) })
const statusField = z.object({ 'f:status': capacityField.default({ 'f:capacity': {} }) })

export const nodeObject: z.ZodType<NodeObject> = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    managedFields: z
      .array(
        z.object({
          manager: z.string().max(256).default(''),
          time: z.string().default(''),
          fieldsV1: statusField.default({ 'f:status': { 'f:capacity': {} } }),
        }),
      )
      .default([]),
  }),
  // of a taint everything is kept: the list is written back as a whole
  spec: z
    .object({ taints: z.array(z.looseObject({ key: z.string() })).default([]) })
    .default({ taints: [] }),
  status: z
    .object({ capacity: quantities, allocatable: quantities })
    .default({ capacity: {}, allocatable: {} }),
})

/** A quantity, whatever its form: the API server makes `131072k` of 131072000. `undefined` where there is none, or it is malformed. */
export function quantityIn(
  quantities: Readonly<Record<string, string>>,
  resource: string,
): bigint | undefined {
  const text = quantities[resource]
  if (text === undefined) return undefined
  try {
    return parseQuantity(text)
  } catch (error) {
    if (error instanceof KubeApiError) return undefined
    throw error
  }
}

/** Who else wrote EPC into the node's capacity, as the API server has noted; the one who did so last. */
export function otherWriter({ metadata }: NodeObject, ourselves: string): string | undefined {
  return metadata.managedFields
    .filter(({ manager }) => manager !== ourselves)
    .filter(({ fieldsV1 }) => `f:${EPC_BYTES_RESOURCE}` in fieldsV1['f:status']['f:capacity'])
    .toSorted((a, b) => a.time.localeCompare(b.time))
    .at(-1)?.manager
}
