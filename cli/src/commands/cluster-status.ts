import { clusterJson, clusterLines } from '../cluster/cluster-lines.ts'
import { readNodes, readSgxPods } from '../cluster/cluster-objects.ts'
import { clusterView } from '../cluster/cluster-view.ts'
import { type KubectlOptions, kubectlGet } from '../cluster/kubectl.ts'
import { Exit, UsageError } from '../exit.ts'

export interface ClusterDeps {
  readonly print: (text: string) => void
  /** kubectl’s. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * `alcove status --cluster`: the nodes of a cluster and their EPC, who holds it, who waits for it, what is wrong.
 *
 * @returns 0 where nothing is wrong, 3 where something is
 * @throws {KubectlError}
 * @throws {KubeApiError} `ERR_KUBE_QUANTITY`
 */
export async function clusterStatusCommand(
  options: KubectlOptions & { readonly output: string },
  { print, environment }: ClusterDeps,
): Promise<number> {
  const get = kubectlGet(options, { environment })
  const view = clusterView(await readNodes(get), await readSgxPods(get))
  if (options.output === 'json') print(clusterJson(view))
  else for (const line of clusterLines(view)) print(line)
  return view.wrong.length === 0 ? Exit.ok : Exit.refused
}

/** @throws {UsageError} where a command that asks no cluster is told how to reach one */
export function expectNoKubectl(options: KubectlOptions, option: string): void {
  const { kubectl, context, kubeconfig } = options
  for (const [name, value] of Object.entries({ kubectl, context, kubeconfig })) {
    if (value !== undefined) throw new UsageError(`--${name} goes with ${option}`)
  }
}
