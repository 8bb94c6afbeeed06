export type { Epc, EpcSource, NumaNodeEpc } from './epc.ts'
export type { Host } from './host.ts'
export { HostError, type HostErrorCode } from './host-error.ts'
export { mountedHost } from './mounted-host.ts'
export { readSgx, type SgxDevice, type SgxDriver, type SgxNode } from './sgx-node.ts'
export { simulatedHost } from './simulated-host.ts'
export {
  cpuidKey,
  MARKER_MAX_BYTES,
  parseSimulatedNodeMarker,
  SIMULATED_NODE_MARKER,
  type SimulatedNodeMarker,
} from './simulated-marker.ts'
