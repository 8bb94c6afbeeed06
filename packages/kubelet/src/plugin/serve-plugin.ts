import { randomInt } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { CurrentList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import { KubeletError } from '../kubelet-error.ts'
import { resourceNameFault } from '../resource-name.ts'
import { clockOf, removeStaleSockets } from '../socket-file.ts'
import type { PluginEvent } from './plugin-event.ts'
import { Registration } from './registration.ts'
import { instanceOf, namesOfStem } from './socket-name.ts'
import { type Timing, usualTiming } from './timing.ts'

export interface ServePluginOptions {
  readonly plugin: DevicePlugin
  /** The kubelet's `device-plugins` directory. */
  readonly directory: string
  /** Stem of the socket's file name, `alcove-epc`; each life of the socket adds a suffix: `alcove-epc-mie2x0k47q-0.sock`. */
  readonly endpoint: string
  /** Ends the server, as disposing of it does. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: PluginEvent) => void
  /** How often the sockets are looked at when no change is noticed; 1,000 by default. */
  readonly pollMs?: number
  /** `usualTiming` otherwise. */
  readonly timing?: Partial<Timing>
}

/** A plugin that is served, and is registered with the kubelet whenever there is one. */
export interface PluginServer extends AsyncDisposable {
  /** The socket of now. */
  readonly path: string
  /** Whether the kubelet has accepted the plugin, receives its list, gives signs of life, and has nobody else for the resource. */
  readonly streaming: boolean
  /** Whether a newer instance of this plugin on the node has taken over. */
  readonly superseded: boolean
  /** How often a kubelet has accepted the plugin. */
  readonly registrations: number
  /** What went wrong last, if anything did; it may be over. */
  readonly lastError: string | undefined
}

/**
 * Serves a device plugin, registers it with the kubelet, and does so again after every restart of the kubelet.
 * While another plugin, or a newer instance of this one, has the resource, it stands back.
 * Resolves once the plugin is served; a kubelet that is absent or refuses is reported to `onEvent` and tried again.
 *
 * @throws {KubeletError} `ERR_KUBELET_PLUGIN` for a wrong resource name, endpoint or device list; `ERR_KUBELET_LIST_TOO_LARGE`;
 *   `ERR_KUBELET_SOCKET`
 * @see docs/formats/device-plugin.md
 */
export async function servePlugin(options: ServePluginOptions): Promise<PluginServer> {
  const { plugin, directory, signal } = options
  const stem = socketStem(options.endpoint)
  const fault = resourceNameFault(plugin.resourceName)
  if (fault !== undefined) {
    throw new KubeletError('ERR_KUBELET_PLUGIN', `resource name "${plugin.resourceName}": ${fault}`)
  }
  const list = new CurrentList(plugin)
  list.read()
  signal?.throwIfAborted()
  const startedMs = await openDirectory(directory)
  await removeStaleSockets(directory, namesOfStem(stem))
  const registration = await Registration.start({
    plugin,
    list,
    directory,
    instance: instanceOf(stem, startedMs, randomInt(36 ** 2)),
    timing: { ...usualTiming, pollMs: options.pollMs ?? usualTiming.pollMs, ...options.timing },
    onEvent: options.onEvent ?? (() => undefined),
  })
  signal?.addEventListener('abort', () => void registration[Symbol.asyncDispose](), { once: true })
  return registration
}

function socketStem(endpoint: string): string {
  if (!/^[A-Za-z0-9][-A-Za-z0-9_.]*$/.test(endpoint)) {
    throw new KubeletError('ERR_KUBELET_PLUGIN', `endpoint "${endpoint}" is not a plain file name`)
  }
  return endpoint.replace(/\.sock$/, '')
}

/** Makes the directory if need be; answers what time it is there. */
async function openDirectory(directory: string): Promise<number> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 })
    return await clockOf(directory)
  } catch (cause) {
    throw new KubeletError(
      'ERR_KUBELET_SOCKET',
      `cannot make the directory ${directory}, or write there`,
      {
        cause,
      },
    )
  }
}
