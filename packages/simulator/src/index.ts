export {
  type NodeSize,
  nodeSize,
  nodeSizes,
  type SimulatedFault,
  SimulatedNodeError,
  type SimulatedNodeErrorCode,
  type SimulatedOs,
  type SimulatedRootOptions,
  simulatedFaults,
  writeSimulatedRoot,
} from './node/index.ts'
export {
  type CollateralFile,
  type CollateralPart,
  cpuSvnFor,
  createPcs,
  encodePublication,
  firstPublication,
  type LevelStatus,
  type PckCa,
  PcsError,
  type Period,
  type Publication,
  parsePublication,
  parseStoredAuthorities,
  qeIsvSvnFor,
  type Recovery,
  recover,
  type SimulatedPcs,
  type StoredAuthorities,
  tcbEvaluationDataNumber,
} from './pcs/index.ts'
export { Enclave, type EnclaveCreation, type EnclaveSignature } from './platform/enclave.ts'
export { epcPageBytes } from './platform/epc.ts'
export {
  type CollateralChanges,
  createPlatform,
  type EpcStatus,
  type Platform,
  type PlatformOptions,
} from './platform/platform.ts'
export { platformIdOf } from './platform/platform-id.ts'
export {
  defaultPlatformId,
  encodePlatformState,
  isPlatformId,
  isSameState,
  newPlatformState,
  type PlatformState,
  parsePlatformState,
  provisioned,
  statusUnder,
} from './platform/platform-state.ts'
export type { QuoteAnswer, QuoteRequest, Quoting } from './platform/quoting.ts'
export {
  type PlatformServer,
  type PlatformTokens,
  type ServeOptions,
  type ServerEvent,
  type ServerLimits,
  serveSimulatedPlatform,
} from './server/index.ts'
export {
  type EpcShortage,
  SimulatorError,
  type SimulatorErrorCode,
} from './simulator-error.ts'
