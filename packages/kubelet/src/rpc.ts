import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import {
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type Server,
  ServerCredentials,
} from '@grpc/grpc-js'
import { DevicePlugin, Registration } from './gen/device_plugin_pb.ts'
import { KubeletError } from './kubelet-error.ts'

export const API_VERSION = 'v1beta1'
/** The kubelet's socket in the `device-plugins` directory. */
export const KUBELET_SOCKET = 'kubelet.sock'

/** A method as grpc-js wants it, over the generated messages. */
export function method<I extends DescMessage, O extends DescMessage>(
  described: DescMethodUnary<I, O> | DescMethodServerStreaming<I, O>,
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  const { input, output } = described
  return {
    path: `/${described.parent.typeName}/${described.name}`,
    requestStream: false,
    responseStream: described.methodKind === 'server_streaming',
    requestSerialize: message => Buffer.from(toBinary(input, message)),
    requestDeserialize: bytes => fromBinary(input, bytes),
    responseSerialize: message => Buffer.from(toBinary(output, message)),
    responseDeserialize: bytes => fromBinary(output, bytes),
  }
}

type Unary<I extends DescMessage, O extends DescMessage> = MethodDefinition<
  MessageShape<I>,
  MessageShape<O>
>
type RegistrationMethods = typeof Registration.method
type DevicePluginMethods = typeof DevicePlugin.method

/** The kubelet's side: a plugin makes itself known. */
export const registrationService: {
  readonly register: Unary<
    RegistrationMethods['register']['input'],
    RegistrationMethods['register']['output']
  >
} = { register: method(Registration.method.register) }

/** The plugin's side. */
export const devicePluginService: {
  readonly [Name in keyof DevicePluginMethods]: Unary<
    DevicePluginMethods[Name]['input'],
    DevicePluginMethods[Name]['output']
  >
} = {
  getDevicePluginOptions: method(DevicePlugin.method.getDevicePluginOptions),
  listAndWatch: method(DevicePlugin.method.listAndWatch),
  getPreferredAllocation: method(DevicePlugin.method.getPreferredAllocation),
  allocate: method(DevicePlugin.method.allocate),
  preStartContainer: method(DevicePlugin.method.preStartContainer),
}

/** A client of the socket at `path`, with a connection of its own: no back-off is shared with an earlier one. */
export function unixClient(path: string, options: ChannelOptions = {}): Client {
  return new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    ...options,
  })
}

/**
 * Calls a unary method; an abort cancels the call and rejects with the signal's reason.
 *
 * @throws grpc-js' ServiceError
 */
export function callUnary<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
  request: Request,
  { signal, waitForReady = false }: { signal: AbortSignal; waitForReady?: boolean },
): Promise<Response> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    new Metadata({ waitForReady }),
    (error, response) => {
      signal.removeEventListener('abort', cancel)
      if (response !== undefined && error === null) resolve(response)
      else reject(signal.aborted ? signal.reason : error)
    },
  )
  const cancel = (): void => call.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  return promise
}

/** @throws {KubeletError} `ERR_KUBELET_SOCKET` */
export async function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), error => {
    if (error === null) resolve()
    else {
      const detail = `cannot listen on ${path}: ${error.message}`
      reject(new KubeletError('ERR_KUBELET_SOCKET', detail, { cause: error }))
    }
  })
  await promise
}
