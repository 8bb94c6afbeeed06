import { amountJson } from '../cluster/cluster-lines.ts'
import { readNodeObject, readOurEvents, readOurPods } from '../cluster/cluster-objects.ts'
import { type KubectlOptions, kubectlGet } from '../cluster/kubectl.ts'
import { nodeDiagnosis, nodeJson, nodeLines } from '../cluster/node-lines.ts'
import { Exit, UsageError } from '../exit.ts'
import { jsonText } from '../plain-text.ts'
import type { ClusterDeps } from './cluster-status.ts'

/** As Kubernetes names nodes (RFC 1123 subdomains): anything else could be another path. */
const NODE_NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/

/**
 * `alcove doctor --node`: what discovery found of a node, and what the node offers, from what the API server knows of it.
 *
 * @returns 0 where the node is capable, 3 where it is not, or that cannot be told
 * @throws {KubectlError}
 * @throws {KubeApiError} `ERR_KUBE_QUANTITY`
 */
export async function doctorNodeCommand(
  options: KubectlOptions & { readonly node: string; readonly output: string },
  { print, environment }: ClusterDeps,
): Promise<number> {
  const { node: name, output } = options
  if (!NODE_NAME.test(name) || name.includes('..')) {
    throw new UsageError(`--node ${JSON.stringify(name)} is no name of a node`)
  }
  const get = kubectlGet(options, { environment })
  const node = await readNodeObject(get, name)
  const diagnosis = nodeDiagnosis(
    node,
    await readOurPods(get, name),
    await readOurEvents(get, name),
  )
  if (output === 'json') print(jsonText(nodeJson(diagnosis), amountJson))
  else for (const line of nodeLines(diagnosis)) print(line)
  return diagnosis.capable === true ? Exit.ok : Exit.refused
}
