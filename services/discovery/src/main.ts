import { mountedHost } from '@alcove/host'
import { inCluster, KubeApiError, kubeApi } from '@alcove/kube-api'
import { type Environment, type Log, serveProbes } from '@alcove/process'
import { type NodeApi, NodeKeeper } from './node-keeper.ts'
import { lookAtNode } from './node-look.ts'
import { readSettings } from './settings.ts'

/** How old what is known of the node may be: a driver is loaded, or a device gone, rarely. */
const LOOK_MS = 10_000
/**
 * How long a node is incapable before its labels go: without them the device plugin's DaemonSet takes its pod from the node,
 * which a device node that is gone for a moment, as its driver is loaded again, must not cause.
 */
const GRACE_MS = 60_000
const FIRST_PAUSE_MS = 1_000

export interface DiscoveryDeps {
  readonly environment: Environment
  readonly log: Log
  readonly stop: AbortSignal
  /** In place of the cluster's own. */
  readonly api?: NodeApi
  /** Set where a test cannot wait. */
  readonly lookMs?: number
  readonly graceMs?: number
  readonly firstPauseMs?: number
}

/**
 * Discovery's process: looks at the node, and keeps its Node object as follows from that, until `stop` aborts.
 *
 * @throws {ConfigError} {@link KubeApiError} `ERR_KUBE_CREDENTIALS` outside a cluster
 */
export async function runDiscovery(deps: DiscoveryDeps): Promise<void> {
  const { environment, log, stop } = deps
  const { nodeName, probePort: port, hostRoot, platform, epcMode } = readSettings(environment)
  const failed = new AbortController()
  const signal = AbortSignal.any([stop, failed.signal])
  const keeper = new NodeKeeper({
    api: deps.api ?? clusterApi(environment),
    nodeName,
    log,
    signal,
    graceMs: deps.graceMs ?? GRACE_MS,
    firstPauseMs: deps.firstPauseMs ?? FIRST_PAUSE_MS,
  })
  await using _probes =
    port === 0 ? undefined : await serveProbes({ port, notReady: () => keeper.notReady })
  log.info('serving', { node: nodeName, epcMode, simulated: platform === 'simulated' })
  const looking = lookAtNode({
    host: mountedHost(hostRoot, { executeCpuid: platform === 'hardware' }),
    epcMode,
    lookMs: deps.lookMs ?? LOOK_MS,
    log,
    onVerdict: verdict => keeper.found(verdict),
    onUnread: reason => keeper.unread(reason),
    signal,
  })
  try {
    await Promise.all([looking, keeper.run()])
  } finally {
    failed.abort() // of the two, the one that has not failed
  }
}

function clusterApi(environment: Environment): NodeApi {
  const server = inCluster(environment)
  if (server !== undefined) return kubeApi(server)
  const detail = 'KUBERNETES_SERVICE_HOST is not set; run this in a pod of the cluster'
  throw new KubeApiError('ERR_KUBE_CREDENTIALS', detail)
}
