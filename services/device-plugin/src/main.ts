import { setTimeout as delay } from 'node:timers/promises'
import { type Host, mountedHost, simulatedHost } from '@alcove/host'
import {
  type DevicePlugin,
  type PluginEvent,
  type PluginServer,
  servePlugin,
} from '@alcove/kubelet'
import {
  aborted,
  ConfigError,
  type Environment,
  type Log,
  type Probes,
  serveProbes,
} from '@alcove/process'
import { CdiGroups } from './cdi-groups.ts'
import { countedPlugin } from './counted-plugin.ts'
import { epcPlugin, type PluginDeps } from './epc-plugin.ts'
import { epcWanted } from './epc-wanted.ts'
import { LateMetrics } from './late-metrics.ts'
import type { NodeKeeper } from './node-keeper.ts'
import { isOffer, type NodeOffer, type NoOffer, type Offer } from './node-offer.ts'
import { NodeWatch } from './node-watch.ts'
import { logPluginEvent } from './plugin-log.ts'
import { ENCLAVE_RESOURCE, EPC_BYTES_RESOURCE, EPC_RESOURCE } from './resource-names.ts'
import type { NodeInfo } from './runtime-groups.ts'
import { type DevicePluginSettings, type NodeSettings, readSettings } from './settings.ts'

/** While all is well, changes are noticed by the directory's watch and the stream's end; this is for what they miss. */
const POLL_MS = 5_000
/** How old what is known of the node may be. A look is some twenty small reads: they are most of what the plugin costs when it idles. */
const LOOK_MS = 10_000

/** How long a start waits for a kubelet to register with, before it goes on. */
const REGISTERED_MS = 1_000

/** Of an object of the API server's: 1.5 MiB where it is stored, and up to six times that as JSON, in which Go escapes `<`. */
const LARGEST_OBJECT = 16 * 2 ** 20

export interface DevicePluginDeps {
  readonly environment: Environment
  readonly log: Log
  readonly stop: AbortSignal
  /** The program's, for the metrics. */
  readonly version?: string
  /** Between two looks at the node; 10,000 unless a test cannot wait. */
  readonly lookMs?: number
}

/**
 * The device plugin's process: follows what the node has, and offers it to the kubelet until `stop` aborts. A node that has
 * nothing registers nothing: the reason is logged once, and the process goes on looking.
 *
 * @throws {ConfigError} {@link HostError} {@link KubeletError} when it cannot start
 */
export async function runDevicePlugin(deps: DevicePluginDeps): Promise<void> {
  const { log, stop } = deps
  const settings = readSettings(deps.environment)
  let notReady: Probes['notReady'] = () => 'the node has not been looked at yet'
  let metrics: LateMetrics | undefined
  const { probePort: port } = settings
  const probes = { notReady: () => notReady(), metrics: async () => (await metrics?.text()) ?? '' }
  await using _probes = port === 0 ? undefined : await serveProbes({ port, ...probes })
  const groups = new CdiGroups({
    settings: { ...settings.cdi, mode: isInRoot(settings.node) ? 'off' : settings.cdi.mode },
    askRuntime: () => askRuntime(settings, deps),
    log,
  })
  await using watch = await watchNode(settings, deps, groups)
  const serving = new Map<string, PluginServer>()
  const streaming = (): boolean =>
    serving.size > 0 && [...serving.values()].every(server => server.streaming)
  const superseded = (): boolean => [...serving.values()].some(server => server.superseded)
  const node = { offer: () => watch.offer, streaming, superseded }
  await using parts = new AsyncDisposableStack()
  let keeper: NodeKeeper | undefined
  const keep = async (): Promise<void> => {
    keeper ??= await keepNode(settings, deps, node)
    if (keeper !== undefined) parts.use(keeper)
  }
  watch.onChange(() => keeper?.look())
  const plugins = pluginsOf(settings, { source: watch, settings, groups })
  const lateMetrics = new LateMetrics(async () => {
    const { pluginMetrics } = await import('./plugin-metrics.ts')
    const { version = '' } = deps
    return pluginMetrics({ settings, version, watch, keeper: () => keeper, serving, plugins })
  })
  if (port !== 0) metrics = lateMetrics
  const nothing = (reason: NoOffer): void => {
    log.warn('nothing to offer', { ...reason, simulated: isSimulated(settings.node) })
    // Nothing to offer is as it should be on such a node; not to know what there is, is not.
    notReady = () => (reason.condition === 'unread' ? reason.reason : undefined)
  }
  if (!isOffer(watch.offer)) await keep()
  const first = await firstOffer(watch, nothing, stop)
  if (first === undefined) return
  await using servers = new AsyncDisposableStack()
  const registered = Promise.withResolvers<void>()
  const started = await Promise.allSettled(
    plugins.map(async ({ endpoint, plugin }) => {
      const { resourceName } = plugin
      const server = await serve(plugin, endpoint, settings, event => {
        logPluginEvent(log, resourceName, event)
        metrics?.note(resourceName, event)
        if (streaming()) registered.resolve()
        keeper?.look()
      })
      serving.set(resourceName, servers.use(server))
    }),
  )
  for (const one of started) if (one.status === 'rejected') throw one.reason
  log.info('serving', { ...facts(first), simulated: isSimulated(settings.node) })
  // Pods wait for the devices first: the API client, with TLS, is loaded when the kubelet has them.
  await Promise.race([registered.promise, delay(REGISTERED_MS, undefined, { ref: false })])
  await keep()
  notReady = () => {
    if (!streaming()) return 'not registered with the kubelet, or it does not follow the list'
    return keeper?.notPublished(isOffer(watch.offer))
  }
  watch.onChange(() => report(watch, log))
  await aborted(stop)
}

async function watchNode(
  { node, epcMode }: DevicePluginSettings,
  { log, lookMs = LOOK_MS }: DevicePluginDeps,
  groups: CdiGroups,
): Promise<NodeWatch> {
  return NodeWatch.start({
    host: await hostOf(node),
    epcMode,
    lookMs,
    afterLook: offer => groups.follow(offer),
    onUnreadable: reason => log.error('node cannot be read', { reason }),
    onReadable: () => log.info('node can be read again'),
  })
}

interface ServedPlugin {
  /** Stem of the socket's name. */
  readonly endpoint: string
  readonly plugin: DevicePlugin
}

/** What the kubelet is offered, in each mode. */
function pluginsOf({ epcMode }: DevicePluginSettings, deps: PluginDeps): readonly ServedPlugin[] {
  const epc =
    epcMode === 'bytes'
      ? { endpoint: 'alcove-enclave', plugin: countedPlugin('enclave', deps) }
      : { endpoint: 'alcove-epc', plugin: epcPlugin(deps) }
  return [epc, { endpoint: 'alcove-provision', plugin: countedPlugin('provision', deps) }]
}

/**
 * Starts to keep the node's object, where there is one. In `devices` it has nothing to add to it: it takes the startup taint
 * off, and what was published in `bytes` from it, once no pod holds it.
 */
async function keepNode(
  settings: DevicePluginSettings,
  { environment, log, stop }: DevicePluginDeps,
  node: {
    readonly offer: () => NodeOffer
    readonly streaming: () => boolean
    readonly superseded: () => boolean
  },
): Promise<NodeKeeper | undefined> {
  const { epcMode, nodeName, startupTaint } = settings
  const { inCluster, kubeApi } = await import('@alcove/kube-api')
  const server = inCluster(environment)
  if (server === undefined || nodeName === undefined) {
    if (epcMode === 'devices') return undefined
    throw new ConfigError([
      'DEVICE_PLUGIN_EPC_MODE=bytes: there is no API server here to keep EPC at: KUBERNETES_SERVICE_HOST is not set',
    ])
  }
  const { NodeKeeper } = await import('./node-keeper.ts')
  const resource = epcMode === 'bytes' ? EPC_BYTES_RESOURCE : EPC_RESOURCE
  return NodeKeeper.start({
    api: kubeApi({ ...server, maxBytes: LARGEST_OBJECT }),
    nodeName,
    startupTaint,
    formerResources: [epcMode === 'bytes' ? EPC_RESOURCE : ENCLAVE_RESOURCE],
    wanted: asDevices => epcWanted(node.offer(), settings, asDevices),
    streaming: node.streaming,
    superseded: node.superseded,
    resource,
    needed: epcMode === 'bytes' ? [EPC_BYTES_RESOURCE, ENCLAVE_RESOURCE] : [EPC_RESOURCE],
    log,
    signal: stop,
  })
}

/** The offer of now, or the first that comes; `undefined` where none came before the end. */
async function firstOffer(
  watch: NodeWatch,
  onNothing: (reason: NoOffer) => void,
  stop: AbortSignal,
): Promise<Offer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Offer>()
  const look = (): void => {
    if (isOffer(watch.offer)) resolve(watch.offer)
    else onNothing(watch.offer)
  }
  const forget = watch.onChange(look)
  look()
  const offer = await Promise.race([promise, aborted(stop)])
  forget()
  return offer ?? undefined
}

function report({ offer }: NodeWatch, log: Log): void {
  if (isOffer(offer)) log.info('node changed', facts(offer))
  else log.warn('devices unhealthy', { ...offer })
}

function facts({ epc, enclaveDevice, provisionDevice }: Offer): Readonly<Record<string, unknown>> {
  return {
    epcMiB: Math.floor(epc.bytes / 2 ** 20),
    epcSource: epc.source,
    enclaveDevice: enclaveDevice.path,
    provisionDevice: provisionDevice.path,
  }
}

function serve(
  plugin: DevicePlugin,
  endpoint: string,
  settings: DevicePluginSettings,
  onEvent: (event: PluginEvent) => void,
): Promise<PluginServer> {
  return servePlugin({
    plugin,
    directory: settings.kubeletDirectory,
    endpoint,
    pollMs: POLL_MS,
    onEvent,
  })
}

async function hostOf(node: NodeSettings): Promise<Host> {
  return node.simulatedRoot === undefined
    ? mountedHost(node.hostRoot, { executeCpuid: !isSimulated(node) })
    : simulatedHost(node.simulatedRoot)
}

function isInRoot(node: NodeSettings): boolean {
  return node.simulatedRoot !== undefined
}

function isSimulated(node: NodeSettings): boolean {
  return isInRoot(node) || node.simulatorDirectory !== undefined
}

/**
 * Who runs the containers of this node, as the API server knows it; `undefined` outside a cluster. TLS is loaded here: most
 * nodes never need it.
 */
async function askRuntime(
  { nodeName }: DevicePluginSettings,
  { environment, log, stop }: DevicePluginDeps,
): Promise<NodeInfo | undefined> {
  const { inCluster, kubeApi } = await import('@alcove/kube-api')
  const { askNodeRuntime } = await import('./node-runtime.ts')
  const server = inCluster(environment)
  if (server === undefined || nodeName === undefined) return undefined
  return askNodeRuntime(kubeApi(server), nodeName, stop, reason =>
    log.warn('API server not asked', { reason }),
  )
}
