import { create } from '@bufbuild/protobuf'
import { type handleUnaryCall, status } from '@grpc/grpc-js'
import type { CurrentList } from '../device-list.ts'
import {
  type DevicePluginOptions,
  DevicePluginOptionsSchema,
  type Empty,
  type PreferredAllocationRequest,
  type PreferredAllocationResponse,
  PreferredAllocationResponseSchema,
} from '../gen/device_plugin_pb.ts'
import { reasonOf } from '../kubelet-error.ts'
import { preferredDevices } from './preferred-devices.ts'

/** Whether the plugin has something to prefer: the kubelet asks for each container if it says so, with every free id. */
export function offersPreference(list: CurrentList): boolean {
  return list.latest().numaNodes > 1
}

/** Answers GetDevicePluginOptions; `onAnswer` gets what was offered. */
export function optionsHandler(
  list: CurrentList,
  onAnswer: (getPreferredAllocationAvailable: boolean) => void,
): handleUnaryCall<Empty, DevicePluginOptions> {
  return (_call, respond) => {
    try {
      const getPreferredAllocationAvailable = offersPreference(list)
      onAnswer(getPreferredAllocationAvailable)
      respond(null, create(DevicePluginOptionsSchema, { getPreferredAllocationAvailable }))
    } catch (error) {
      respond({ code: status.INTERNAL, details: reasonOf(error) })
    }
  }
}

/** Answers GetPreferredAllocation. The kubelet rejects the pod if the call fails, so ids that it alone knows are let pass. */
export function preferenceHandler(
  list: CurrentList,
): handleUnaryCall<PreferredAllocationRequest, PreferredAllocationResponse> {
  return ({ request }, respond) => {
    try {
      const { deviceOf } = list.latest()
      const containerResponses = request.containerRequests.map(ask => {
        const choice = {
          available: ask.availableDeviceIDs,
          mustInclude: ask.mustIncludeDeviceIDs,
          size: ask.allocationSize,
        }
        return { deviceIDs: preferredDevices(choice, id => deviceOf.get(id)?.numaNode) }
      })
      respond(null, create(PreferredAllocationResponseSchema, { containerResponses }))
    } catch (error) {
      respond({ code: status.INTERNAL, details: reasonOf(error) })
    }
  }
}
