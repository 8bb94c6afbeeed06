export { encodeAllocation, mergeAllocations, parseAllocation } from './allocation.ts'
export { KUBELET_RECEIVE_LIMIT_BYTES } from './device-list.ts'
export type { ContainerAllocation, Device, DevicePlugin } from './device-plugin.ts'
export {
  admissionReason,
  InsufficientError,
  KubeletError,
  type KubeletErrorCode,
  ListTooLargeError,
  UnexpectedAdmissionError,
} from './kubelet-error.ts'
export type { PluginEvent } from './plugin/plugin-event.ts'
export { type PluginServer, type ServePluginOptions, servePlugin } from './plugin/serve-plugin.ts'
export type { Timing } from './plugin/timing.ts'
export {
  type HeldByContainer,
  listPodResources,
  POD_RESOURCES_SOCKET,
} from './pod-resources.ts'
export { resourceNameFault } from './resource-name.ts'
export { admit } from './standin/admission.ts'
export type { AllocateOptions, HeldDevices } from './standin/allocator.ts'
export { type Behaviour, kubeletBehaviour } from './standin/behaviour.ts'
export { serveStandInControl } from './standin/control.ts'
export { connectStandIn, type StandInClient } from './standin/control-client.ts'
export type { RunEvent, RunRequest, StandInStatus } from './standin/control-protocol.ts'
export type { ProgramEvent } from './standin/programs.ts'
export type { ResourceStatus } from './standin/resource.ts'
export { type ProgramExit, type RunProgramOptions, runProgram } from './standin/runner.ts'
export {
  type StandInEvent,
  type StandInKubelet,
  startStandInKubelet,
} from './standin/standin-kubelet.ts'
