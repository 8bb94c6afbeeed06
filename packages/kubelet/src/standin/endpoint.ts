import { create } from '@bufbuild/protobuf'
import type { Client } from '@grpc/grpc-js'
import { parseAllocation } from '../allocation.ts'
import { HEALTHY, KUBELET_RECEIVE_LIMIT_BYTES } from '../device-list.ts'
import type { ContainerAllocation } from '../device-plugin.ts'
import { AllocateRequestSchema, EmptySchema } from '../gen/device_plugin_pb.ts'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { callUnary, devicePluginService, unixClient } from '../rpc.ts'

const DIAL_TIMEOUT_MS = 10_000
const ALLOCATE_TIMEOUT_MS = 30_000

/** The connection to one registered plugin. */
export interface Endpoint {
  /** Follows the device list. `onEnd` is called once, also when the plugin ends the stream in order. */
  watch(handlers: {
    onDevices: (healthOf: ReadonlyMap<string, boolean>) => void
    onEnd: (reason: string) => void
  }): void
  /** @throws {KubeletError} `ERR_KUBELET_ALLOCATE` if the plugin refuses, `ERR_KUBELET_ALLOCATION` for a wrong answer */
  allocate(ids: readonly string[]): Promise<ContainerAllocation>
  close(): void
}

/** Dials a plugin and asks for its options, both within the kubelet's 10 s. @throws grpc-js' ServiceError */
export async function dialPlugin(
  resource: string,
  path: string,
  stop: AbortSignal,
): Promise<Endpoint> {
  const client = unixClient(path, {
    'grpc.max_receive_message_length': KUBELET_RECEIVE_LIMIT_BYTES,
  })
  const { getDevicePluginOptions } = devicePluginService
  try {
    await callUnary(client, getDevicePluginOptions, create(EmptySchema), {
      signal: AbortSignal.any([stop, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
      waitForReady: true,
    })
  } catch (error) {
    client.close()
    throw error
  }
  const closing = new AbortController()
  return {
    watch: handlers => watchDevices(client, handlers, closing.signal),
    allocate: ids => allocate(client, resource, ids, closing.signal),
    close: () => {
      closing.abort()
      client.close()
    },
  }
}

function watchDevices(
  client: Client,
  { onDevices, onEnd }: Parameters<Endpoint['watch']>[0],
  closing: AbortSignal,
): void {
  const { path, requestSerialize, responseDeserialize } = devicePluginService.listAndWatch
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    create(EmptySchema),
  )
  let ended = false
  const end = (error?: unknown): void => {
    if (!ended) onEnd(error === undefined ? '' : reasonOf(error))
    ended = true
  }
  stream.on('data', ({ devices }: ReturnType<typeof responseDeserialize>) => {
    onDevices(new Map(devices.map(({ ID, health }) => [ID, health === HEALTHY])))
  })
  stream.on('error', end)
  stream.on('end', end)
  closing.addEventListener('abort', () => stream.cancel(), { once: true })
}

async function allocate(
  client: Client,
  resource: string,
  ids: readonly string[],
  closing: AbortSignal,
): Promise<ContainerAllocation> {
  const request = create(AllocateRequestSchema, { containerRequests: [{ devicesIds: [...ids] }] })
  const signal = AbortSignal.any([closing, AbortSignal.timeout(ALLOCATE_TIMEOUT_MS)])
  const answer = await callUnary(client, devicePluginService.allocate, request, { signal }).catch(
    (cause: unknown) => {
      const detail = `${resource}: the device plugin did not allocate: ${reasonOf(cause)}`
      throw new KubeletError('ERR_KUBELET_ALLOCATE', detail, { cause })
    },
  )
  return parseAllocation(resource, answer)
}
