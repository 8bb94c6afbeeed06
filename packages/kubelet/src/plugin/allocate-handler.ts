import { create } from '@bufbuild/protobuf'
import { type handleUnaryCall, status } from '@grpc/grpc-js'
import { encodeAllocation } from '../allocation.ts'
import type { CurrentList } from '../device-list.ts'
import type { DevicePlugin } from '../device-plugin.ts'
import {
  type AllocateRequest,
  type AllocateResponse,
  AllocateResponseSchema,
} from '../gen/device_plugin_pb.ts'
import { KubeletError, reasonOf } from '../kubelet-error.ts'
import type { PluginEvent } from './plugin-event.ts'

/** What the kubelet gets instead of an answer: a gRPC status. */
interface Refusal {
  readonly code: status
  readonly details: string
}

/** Answers Allocate: every id is looked up before the plugin is asked for anything. */
export function allocateHandler(
  plugin: DevicePlugin,
  list: CurrentList,
  onEvent: (event: PluginEvent) => void,
): handleUnaryCall<AllocateRequest, AllocateResponse> {
  const { resourceName } = plugin
  return ({ request }, respond) => {
    const began = performance.now()
    const requests = request.containerRequests.map(({ devicesIds }) => devicesIds)
    const refuse = ({ code, details }: Refusal): void => {
      onEvent({ event: 'allocate-refused', reason: details })
      respond({ code, details })
    }
    answerOf(plugin, list, requests).then(
      answer => {
        if ('code' in answer) return refuse(answer)
        const ms = performance.now() - began
        onEvent({ event: 'allocate', count: requests.flat().length, ms })
        respond(null, answer)
      },
      (error: unknown) =>
        refuse({ code: status.INTERNAL, details: `${resourceName}: ${reasonOf(error)}` }),
    )
  }
}

async function answerOf(
  plugin: DevicePlugin,
  list: CurrentList,
  requests: readonly string[][],
): Promise<AllocateResponse | Refusal> {
  const refusal = refusalOf(plugin.resourceName, list, requests)
  if (refusal !== undefined) return refusal
  const allocations = await Promise.all(requests.map(async ids => await plugin.allocate(ids)))
  const containerResponses = allocations.map(encodeAllocation)
  return create(AllocateResponseSchema, { containerResponses })
}

function refusalOf(
  resource: string,
  list: CurrentList,
  requests: readonly string[][],
): Refusal | undefined {
  const { deviceOf } = list.latest()
  if (requests.some(ids => ids.length === 0)) {
    return { code: status.INVALID_ARGUMENT, details: `${resource}: no device asked for` }
  }
  for (const id of requests.flat()) {
    const device = deviceOf.get(id)
    if (device === undefined) {
      return {
        code: status.INVALID_ARGUMENT,
        details: KubeletError.unknownDevice(resource, id).message,
      }
    }
    if (!device.healthy) {
      return {
        code: status.FAILED_PRECONDITION,
        details: `${resource}: device "${id}" is unhealthy`,
      }
    }
  }
  return undefined
}
