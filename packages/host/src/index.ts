export { type Capability, capability, firstUnmet } from './capability.ts'
export {
  absenceText,
  type Condition,
  type ConditionName,
  isConsequence,
  type Met,
  type Unmet,
} from './condition.ts'
export type { CpuFacts } from './cpu-facts.ts'
export type { SgxDevice, SgxDeviceNode, SgxDriver } from './device-nodes.ts'
export type { Epc, EpcSource, NumaNodeEpc } from './epc.ts'
export type { Absence, Absent, Fact, Known } from './fact.ts'
export type { CpuidReading, FileAccess, Host } from './host.ts'
export { HostError, type HostErrorCode } from './host-error.ts'
export type { KernelFacts } from './kernel-facts.ts'
export { type MountedHostOptions, mountedHost } from './mounted-host.ts'
export { type DeviceNode, type NodeFacts, readNode } from './node-facts.ts'
export { readSgx, type SgxNode } from './sgx-node.ts'
export { type SimulatedHost, simulatedHost } from './simulated-host.ts'
export {
  cpuidKey,
  MARKER_MAX_BYTES,
  parseSimulatedNodeMarker,
  SIMULATED_NODE_MARKER,
  type SimulatedNodeMarker,
} from './simulated-marker.ts'
