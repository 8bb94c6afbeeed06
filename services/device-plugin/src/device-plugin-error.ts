import { CodedError } from '@alcove/bytes'

export type DevicePluginErrorCode = 'ERR_DEVICE_PLUGIN_LIMIT' | 'ERR_DEVICE_PLUGIN_NOTHING'

/** Why a container gets no device; the message is in its pod's status. */
export class DevicePluginError extends CodedError<DevicePluginErrorCode> {}
