import { type DeletingKubeApi, inCluster, KubeApiError, kubeApi } from '@alcove/kube-api'

/** A page of Nodes, each with its list of images, is larger than what a daemon asks for. */
const MAX_BYTES = 32 * 2 ** 20
const TIMEOUT_MS = 10_000

/**
 * The API server of the cluster that this process is a pod of, for a command that lists all of its nodes.
 *
 * @throws {KubeApiError} `ERR_KUBE_CREDENTIALS` outside a cluster
 */
export function clusterApi(
  environment: Readonly<Record<string, string | undefined>>,
): DeletingKubeApi {
  const server = inCluster(environment)
  if (server !== undefined) {
    return kubeApi({ ...server, maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS })
  }
  const detail = 'KUBERNETES_SERVICE_HOST is not set; run this in a pod of the cluster'
  throw new KubeApiError('ERR_KUBE_CREDENTIALS', detail)
}
