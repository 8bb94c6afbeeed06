// For this package's tests: a plugin without the guards of `servePlugin`, that can also do what those do not.
import { create } from '@bufbuild/protobuf'
import {
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { encodeDeviceList } from '../src/device-list.ts'
import type { Device } from '../src/device-plugin.ts'
import {
  type AllocateRequest,
  type AllocateResponse,
  AllocateResponseSchema,
  type DevicePluginOptions,
  DevicePluginOptionsSchema,
  type Empty,
  type ListAndWatchResponse,
  type PreferredAllocationRequest,
  type PreferredAllocationResponse,
  PreferredAllocationResponseSchema,
  type PreStartContainerRequest,
  type PreStartContainerResponse,
  PreStartContainerResponseSchema,
  RegisterRequestSchema,
} from '../src/gen/device_plugin_pb.ts'
import {
  bind,
  callUnary,
  devicePluginService,
  registrationService,
  unixClient,
} from '../src/rpc.ts'
import { RESOURCE } from './counting-plugin.ts'

type Respond<T> = sendUnaryData<T>

export interface BarePlugin extends Disposable {
  /** Of every call but ListAndWatch: `allocate 0,3`. */
  readonly calls: string[]
  /** What the plugin's own log could know: errors of its server and its streams. */
  readonly errors: unknown[]
  send(devices: readonly Device[]): void
  /** Ends the ListAndWatch streams, and keeps listening. */
  endStreams(): void
}

export async function barePlugin(
  path: string,
  devices: readonly Device[],
  behaviour: {
    readonly preStartRequired?: boolean
    readonly getPreferredAllocationAvailable?: boolean
    readonly prefers?: readonly string[]
    /** Answers an Allocate call; without it there is no such method. `'silent'` never answers. */
    readonly allocate?: ((ids: readonly string[]) => Record<string, string>) | 'silent'
    readonly preStart?: 'ok' | 'silent'
  } = {},
): Promise<BarePlugin> {
  const calls: string[] = []
  const errors: unknown[] = []
  const streams = new Set<ServerWritableStream<Empty, ListAndWatchResponse>>()
  const server = new Server({ 'grpc.max_send_message_length': -1 })
  const { allocate } = behaviour
  server.addService(devicePluginService, {
    getDevicePluginOptions: (
      _call: ServerUnaryCall<Empty, DevicePluginOptions>,
      respond: Respond<DevicePluginOptions>,
    ): void => {
      const { preStartRequired = false, getPreferredAllocationAvailable = false } = behaviour
      respond(
        null,
        create(DevicePluginOptionsSchema, { preStartRequired, getPreferredAllocationAvailable }),
      )
    },
    listAndWatch: (call: ServerWritableStream<Empty, ListAndWatchResponse>): void => {
      streams.add(call)
      call.on('error', error => errors.push(error))
      call.write(encodeDeviceList(devices))
    },
    getPreferredAllocation: (
      { request }: ServerUnaryCall<PreferredAllocationRequest, PreferredAllocationResponse>,
      respond: Respond<PreferredAllocationResponse>,
    ): void => {
      const [ask] = request.containerRequests
      calls.push(`prefer ${ask?.allocationSize} of ${ask?.availableDeviceIDs.length}`)
      const deviceIDs = [...(behaviour.prefers ?? [])]
      respond(
        null,
        create(PreferredAllocationResponseSchema, { containerResponses: [{ deviceIDs }] }),
      )
    },
    ...(allocate === undefined
      ? {}
      : {
          allocate: (
            { request }: ServerUnaryCall<AllocateRequest, AllocateResponse>,
            respond: Respond<AllocateResponse>,
          ): void => {
            const ids = request.containerRequests[0]?.devicesIds ?? []
            calls.push(`allocate ${ids.join()}`)
            if (allocate === 'silent') return
            const containerResponses = [{ envs: allocate(ids) }]
            respond(null, create(AllocateResponseSchema, { containerResponses }))
          },
        }),
    preStartContainer: (
      { request }: ServerUnaryCall<PreStartContainerRequest, PreStartContainerResponse>,
      respond: Respond<PreStartContainerResponse>,
    ): void => {
      calls.push(`preStart ${request.devicesIds.join()}`)
      if (behaviour.preStart === 'ok') respond(null, create(PreStartContainerResponseSchema))
      else if (behaviour.preStart === undefined) respond({ code: status.INTERNAL, details: 'no' })
    },
  })
  await bind(server, path)
  return {
    calls,
    errors,
    send: list => {
      for (const stream of streams) stream.write(encodeDeviceList(list))
    },
    endStreams: () => {
      for (const stream of streams) stream.end()
      streams.clear()
    },
    [Symbol.dispose]: () => server.forceShutdown(),
  }
}

/** Registers what listens on `p.sock`, unless the fields say otherwise. @throws grpc-js' ServiceError */
export async function register(
  kubeletPath: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = unixClient(kubeletPath)
  const request = create(RegisterRequestSchema, {
    version: 'v1beta1',
    endpoint: 'p.sock',
    resourceName: RESOURCE,
    ...fields,
  })
  const { signal } = new AbortController()
  try {
    await callUnary(client, registrationService.register, request, { signal })
  } finally {
    client.close()
  }
}
