import { type Host, mountedHost, simulatedHost } from '@alcove/host'
import { type DevicePlugin, type PluginServer, servePlugin } from '@alcove/kubelet'
import { aborted, type Environment, type Log, type Probes, serveProbes } from '@alcove/process'
import { CdiGroups } from './cdi-groups.ts'
import { epcPlugin } from './epc-plugin.ts'
import { isOffer, type NoOffer, type Offer } from './node-offer.ts'
import { NodeWatch } from './node-watch.ts'
import { logPluginEvent } from './plugin-log.ts'
import { provisionPlugin } from './provision-plugin.ts'
import type { NodeInfo } from './runtime-groups.ts'
import { type DevicePluginSettings, type NodeSettings, readSettings } from './settings.ts'

/** While all is well, changes are noticed by the directory's watch and the stream's end; this is for what they miss. */
const POLL_MS = 5_000
/** How old what is known of the node may be. */
const LOOK_MS = 2_000

export interface DevicePluginDeps {
  readonly environment: Environment
  readonly log: Log
  readonly stop: AbortSignal
  /** Between two looks at the node; 2,000 unless a test cannot wait. */
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
  const { probePort: port } = settings
  await using _probes =
    port === 0 ? undefined : await serveProbes({ port, notReady: () => notReady() })
  const groups = new CdiGroups({
    settings: { ...settings.cdi, mode: isInRoot(settings.node) ? 'off' : settings.cdi.mode },
    askRuntime: () => askRuntime(settings, deps),
    log,
  })
  await using watch = await NodeWatch.start({
    host: await hostOf(settings.node),
    lookMs: deps.lookMs ?? LOOK_MS,
    afterLook: offer => groups.follow(offer),
    onUnreadable: reason => log.error('node cannot be read', { reason }),
    onReadable: () => log.info('node can be read again'),
  })
  const nothing = (reason: NoOffer): void => {
    log.warn('nothing to offer', { ...reason, simulated: isSimulated(settings.node) })
    // Nothing to offer is as it should be on such a node; not to know what there is, is not.
    notReady = () => (reason.condition === 'unread' ? reason.reason : undefined)
  }
  const first = await firstOffer(watch, nothing, stop)
  if (first === undefined) return
  const plugin = { source: watch, settings, groups }
  await using servers = new AsyncDisposableStack()
  const serving = await Promise.allSettled([
    serve(epcPlugin(plugin), 'alcove-epc', settings, log),
    serve(provisionPlugin(plugin), 'alcove-provision', settings, log),
  ])
  for (const one of serving) if (one.status === 'fulfilled') servers.use(one.value)
  for (const one of serving) if (one.status === 'rejected') throw one.reason
  notReady = () => unregistered(serving)
  log.info('serving', { ...facts(first), simulated: isSimulated(settings.node) })
  watch.onChange(() => report(watch, log))
  await aborted(stop)
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

/** Why a resource is not the kubelet's to give just now, or `undefined`. */
function unregistered(serving: readonly PromiseSettledResult<PluginServer>[]): string | undefined {
  const streaming = serving.every(one => one.status === 'fulfilled' && one.value.streaming)
  return streaming ? undefined : 'not registered with the kubelet, or it does not follow the list'
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
  log: Log,
): Promise<PluginServer> {
  return servePlugin({
    plugin,
    directory: settings.kubeletDirectory,
    endpoint,
    pollMs: POLL_MS,
    onEvent: event => logPluginEvent(log, plugin.resourceName, event),
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
  { cdi }: DevicePluginSettings,
  { environment, log, stop }: DevicePluginDeps,
): Promise<NodeInfo | undefined> {
  const { inCluster, kubeApi } = await import('@alcove/kube-api')
  const { askNodeRuntime } = await import('./node-runtime.ts')
  const server = inCluster(environment)
  if (server === undefined || cdi.nodeName === undefined) return undefined
  return askNodeRuntime(kubeApi(server), cdi.nodeName, stop, reason =>
    log.warn('API server not asked', { reason }),
  )
}
