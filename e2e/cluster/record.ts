import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { ClusterError } from './cluster-error.ts'
import type { ClusterLayout } from './layout.ts'
import type { NodeParts } from './node.ts'

/** What is written down of a cluster that is up, for whoever uses it later. */
export interface ClusterRecord {
  readonly nodes: readonly string[]
  readonly parts: NodeParts
}

const schema: z.ZodType<ClusterRecord> = z.object({
  nodes: z.array(z.string()),
  parts: z.object({
    kubernetesBin: z.string(),
    runtimeBin: z.string(),
    cniBin: z.string(),
    images: z.array(z.string()),
    helm: z.string().optional(),
  }),
})

export async function writeRecord(layout: ClusterLayout, record: ClusterRecord): Promise<void> {
  await writeFile(layout.record, JSON.stringify(record))
}

/** @throws {ClusterError} `ERR_CLUSTER_NOT_UP` */
export async function readRecord(layout: ClusterLayout): Promise<ClusterRecord> {
  try {
    return schema.parse(JSON.parse(await readFile(layout.record, 'utf8')))
  } catch (cause) {
    const text = `there is no cluster '${layout.name}' here; npm run cluster brings one up`
    throw new ClusterError('ERR_CLUSTER_NOT_UP', text, { cause })
  }
}
