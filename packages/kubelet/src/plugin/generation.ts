import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Server } from '@grpc/grpc-js'
import type { CurrentList, DeviceList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import { bind, devicePluginService } from '../rpc.ts'
import { absent, checkSocketPath, socketIdentity } from '../socket-file.ts'
import { allocateHandler } from './allocate-handler.ts'
import { ListStreams, type ListStreamsDeps } from './list-streams.ts'
import { offersPreference, optionsHandler, preferenceHandler } from './options-handlers.ts'
import type { PluginEvent } from './plugin-event.ts'

/** An Allocate request for half a million devices is more than gRPC's 4 MiB. */
const MAX_RECEIVE_BYTES = 64 * 1024 * 1024
/** How long streams get to end on their own. */
const CLOSE_MS = 200

/** The plugin's service, with lists that are encoded already. */
const listedService = {
  ...devicePluginService,
  listAndWatch: {
    ...devicePluginService.listAndWatch,
    responseSerialize: ({ bytes }: DeviceList): Buffer => bytes,
  },
}

/** One life of the plugin's socket. Its name is never used again: a closing server deletes the path that it had. */
export interface Generation {
  readonly endpoint: string
  readonly path: string
  readonly streams: ListStreams
  /** Whether a kubelet has asked for the options, and they are others by now: it asks once for each registration. */
  hasOldOptions(): boolean
  /** Whether the path still leads to this socket. */
  isBound(): boolean
  close(): Promise<void>
}

/**
 * Serves the plugin on a new socket in `directory`.
 *
 * @throws {KubeletError} `ERR_KUBELET_SOCKET`
 */
export async function openGeneration(deps: {
  readonly plugin: DevicePlugin
  readonly list: CurrentList
  readonly directory: string
  readonly endpoint: string
  readonly onEvent: (event: PluginEvent) => void
  readonly streams: Omit<ListStreamsDeps, 'read'>
}): Promise<Generation> {
  const { plugin, list, directory, endpoint, onEvent } = deps
  const path = join(directory, endpoint)
  checkSocketPath(path)
  const streams = new ListStreams({ ...deps.streams, read: () => list.read() })
  let offered: boolean | undefined
  const server = new Server({
    'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
  })
  server.addService(listedService, {
    getDevicePluginOptions: optionsHandler(list, prefers => {
      offered = prefers
    }),
    getPreferredAllocation: preferenceHandler(list),
    listAndWatch: (call: Parameters<ListStreams['accept']>[0]) => streams.accept(call),
    allocate: allocateHandler(plugin, list, onEvent),
  })
  await bind(server, path)
  const identity = socketIdentity(path)
  onEvent({ event: 'serving', path })
  return {
    endpoint,
    path,
    streams,
    hasOldOptions: () => offered !== undefined && offered !== offersPreference(list),
    isBound: () => identity !== undefined && socketIdentity(path) === identity,
    close: async () => {
      streams.end()
      await shutDown(server)
      await unlink(path).catch(absent)
    },
  }
}

async function shutDown(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const force = setTimeout(() => {
    server.forceShutdown()
    resolve()
  }, CLOSE_MS)
  server.tryShutdown(() => resolve())
  await promise
  clearTimeout(force)
}
