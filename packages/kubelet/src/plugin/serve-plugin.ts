import { mkdir } from 'node:fs/promises'
import { CurrentList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import { KubeletError } from '../kubelet-error.ts'
import { resourceNameFault } from '../resource-name.ts'
import { removeStaleSockets } from '../socket-file.ts'
import type { PluginEvent } from './plugin-event.ts'
import { Registration } from './registration.ts'

export interface ServePluginOptions {
  readonly plugin: DevicePlugin
  /** The kubelet's `device-plugins` directory. */
  readonly directory: string
  /** Stem of the socket's file name, `alcove-epc`; each life of the socket adds a suffix: `alcove-epc-5f0c93ab.sock`. */
  readonly endpoint: string
  /** Ends the server, as disposing of it does. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: PluginEvent) => void
  /** How often the sockets are looked at when no change is noticed; 1,000 by default. */
  readonly pollMs?: number
}

/** A plugin that is served, and is registered with the kubelet whenever there is one. */
export interface PluginServer extends AsyncDisposable {
  /** The socket of now. */
  readonly path: string
  /** Whether the kubelet has accepted the plugin and receives its list. */
  readonly streaming: boolean
}

/**
 * Serves a device plugin, registers it with the kubelet, and does so again after every restart of the kubelet.
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
  await makeDirectory(directory)
  await removeStaleSockets(directory, new RegExp(`^${RegExp.escape(stem)}-[0-9a-f]{8}\\.sock$`))
  const registration = await Registration.start({
    plugin,
    list,
    directory,
    stem,
    pollMs: options.pollMs ?? 1_000,
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

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 })
  } catch (cause) {
    throw new KubeletError('ERR_KUBELET_SOCKET', `cannot make the directory ${directory}`, {
      cause,
    })
  }
}
