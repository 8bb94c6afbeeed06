/** Where the API server is, and how a pod shows who it is. */
export interface ApiServer {
  readonly host: string
  readonly port: number
  /** The service account's token; read anew for every request, since the kubelet renews it. */
  readonly tokenFile: string
  /** The certificates that the API server's own must lead to. */
  readonly caFile: string
}

const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * The API server as a pod finds it, or `undefined` outside a cluster.
 *
 * @param environment with KUBERNETES_SERVICE_HOST and _PORT, which the kubelet sets in every container, whatever
 *   `enableServiceLinks` says; ALCOVE_SERVICE_ACCOUNT_DIR, where `token` and `ca.crt` are in place of the kubelet's directory, is for
 *   tests and benches, whose processes are in no pod
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export function inCluster(
  environment: Readonly<Record<string, string | undefined>>,
): ApiServer | undefined {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = Number(environment['KUBERNETES_SERVICE_PORT'] ?? '443')
  if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  const directory = environment['ALCOVE_SERVICE_ACCOUNT_DIR'] || DIRECTORY
  return { host, port, tokenFile: `${directory}/token`, caFile: `${directory}/ca.crt` }
}
