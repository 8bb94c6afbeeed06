import { create } from '@bufbuild/protobuf'
import { type Client, connectivityState, type MethodDefinition } from '@grpc/grpc-js'
import { HEALTHY, KUBELET_RECEIVE_LIMIT_BYTES } from '../device-list.ts'
import {
  AllocateRequestSchema,
  type ContainerAllocateResponse,
  EmptySchema,
  PreferredAllocationRequestSchema,
  PreStartContainerRequestSchema,
} from '../gen/device_plugin_pb.ts'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import { callUnary, devicePluginService, unixClient } from '../rpc.ts'
import type { Behaviour } from './behaviour.ts'

type Timeouts = Pick<Behaviour, 'dialMs' | 'allocateMs' | 'preStartMs'>

/** The connection to one registered plugin. */
export interface Endpoint {
  /** Of its socket. */
  readonly path: string
  /** Follows the device list. `onEnd` is called once, also when the plugin ends the stream in order. */
  watch(handlers: {
    onDevices: (healthOf: ReadonlyMap<string, boolean>) => void
    onEnd: (reason: string) => void
  }): void
  /** Which of the free devices the plugin would give; none if its options do not offer to say so. @throws as `allocate` */
  preferred(free: readonly string[], count: number, signal?: AbortSignal): Promise<string[]>
  /** @throws {KubeletError} `ERR_KUBELET_ALLOCATE` if the plugin refuses or does not answer */
  allocate(ids: readonly string[], signal?: AbortSignal): Promise<ContainerAllocateResponse[]>
  /** Before every start of a container, if the options ask for it. @throws {KubeletError} `ERR_KUBELET_PRE_START` */
  preStart(ids: readonly string[], signal?: AbortSignal): Promise<void>
  close(): void
}

/**
 * Dials a plugin and asks for its options. The dialling has a limit, the question ends with `signal`.
 *
 * @throws {Error} with the kubelet's words
 */
export async function dialPlugin(
  resource: string,
  path: string,
  timeouts: Timeouts,
  signal: AbortSignal,
): Promise<Endpoint> {
  const client = unixClient(path, {
    'grpc.max_receive_message_length': KUBELET_RECEIVE_LIMIT_BYTES,
  })
  const late = new AbortController()
  const dialled = setTimeout(() => {
    const state = client.getChannel().getConnectivityState(false)
    if (state !== connectivityState.READY) late.abort(new Error('context deadline exceeded'))
  }, timeouts.dialMs)
  try {
    const { getDevicePluginOptions } = devicePluginService
    const options = await callUnary(client, getDevicePluginOptions, create(EmptySchema), {
      signal: AbortSignal.any([signal, late.signal]),
      waitForReady: true,
    })
    return new PluginEndpoint({ resource, path, client, timeouts, options })
  } catch (cause) {
    client.close()
    const step = late.signal.aborted
      ? 'failed to dial device plugin:'
      : 'failed to get device plugin options:'
    throw new Error(`${step} ${reasonOf(cause)}`, { cause })
  } finally {
    clearTimeout(dialled)
  }
}

class PluginEndpoint implements Endpoint {
  readonly path: string
  readonly #client: Client
  readonly #closing = new AbortController()
  readonly #resource: string
  readonly #timeouts: Timeouts
  readonly #options: { preStartRequired: boolean; getPreferredAllocationAvailable: boolean }

  constructor(facts: {
    resource: string
    path: string
    client: Client
    timeouts: Timeouts
    options: { preStartRequired: boolean; getPreferredAllocationAvailable: boolean }
  }) {
    this.path = facts.path
    this.#client = facts.client
    this.#resource = facts.resource
    this.#timeouts = facts.timeouts
    this.#options = facts.options
  }

  watch({ onDevices, onEnd }: Parameters<Endpoint['watch']>[0]): void {
    const { path, requestSerialize, responseDeserialize } = devicePluginService.listAndWatch
    const stream = this.#client.makeServerStreamRequest(
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
    this.#closing.signal.addEventListener('abort', () => stream.cancel(), { once: true })
  }

  async preferred(free: readonly string[], count: number, signal?: AbortSignal): Promise<string[]> {
    if (!this.#options.getPreferredAllocationAvailable) return []
    const ask = { availableDeviceIDs: [...free], mustIncludeDeviceIDs: [], allocationSize: count }
    const { containerResponses } = await this.#call(
      devicePluginService.getPreferredAllocation,
      create(PreferredAllocationRequestSchema, { containerRequests: [ask] }),
      { ms: this.#timeouts.allocateMs, code: 'ERR_KUBELET_ALLOCATE', signal },
      'did not say which devices it prefers',
    )
    return containerResponses[0]?.deviceIDs ?? []
  }

  async allocate(
    ids: readonly string[],
    signal?: AbortSignal,
  ): Promise<ContainerAllocateResponse[]> {
    const { containerResponses } = await this.#call(
      devicePluginService.allocate,
      create(AllocateRequestSchema, { containerRequests: [{ devicesIds: [...ids] }] }),
      { ms: this.#timeouts.allocateMs, code: 'ERR_KUBELET_ALLOCATE', signal },
      'did not allocate',
    )
    return containerResponses
  }

  async preStart(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    if (!this.#options.preStartRequired) return
    await this.#call(
      devicePluginService.preStartContainer,
      create(PreStartContainerRequestSchema, { devicesIds: [...ids] }),
      { ms: this.#timeouts.preStartMs, code: 'ERR_KUBELET_PRE_START', signal },
      'did not make its devices ready',
    )
  }

  close(): void {
    this.#closing.abort(new Error('its endpoint has been stopped'))
    this.#client.close()
  }

  async #call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    limits: {
      readonly ms: number
      readonly code: 'ERR_KUBELET_ALLOCATE' | 'ERR_KUBELET_PRE_START'
      readonly signal: AbortSignal | undefined
    },
    what: string,
  ): Promise<Response> {
    const signals = [this.#closing.signal, ...(limits.signal ? [limits.signal] : [])]
    if (Number.isFinite(limits.ms)) signals.push(AbortSignal.timeout(limits.ms))
    try {
      return await callUnary(this.#client, method, request, { signal: AbortSignal.any(signals) })
    } catch (cause) {
      const detail = `${this.#resource}: the device plugin ${what}: ${reasonOf(cause)}`
      throw new KubeletError(limits.code, detail, { cause })
    }
  }
}
