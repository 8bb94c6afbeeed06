export {
  type NodeSize,
  nodeSize,
  nodeSizes,
  SimulatedNodeError,
  type SimulatedNodeErrorCode,
  type SimulatedOs,
  type SimulatedRootOptions,
  writeSimulatedRoot,
} from './node/index.ts'
export {
  type CollateralFile,
  cpuSvnFor,
  createPcs,
  type PckCa,
  PcsError,
  parseStoredAuthorities,
  type SimulatedPcs,
  type StoredAuthorities,
  type TcbStatus,
} from './pcs/index.ts'
export { Enclave, type EnclaveCreation, type EnclaveSignature } from './platform/enclave.ts'
export { epcPageBytes } from './platform/epc.ts'
export {
  createPlatform,
  type EpcStatus,
  type Platform,
  type PlatformOptions,
} from './platform/platform.ts'
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
