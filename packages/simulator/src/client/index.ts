export { aesCmac } from '../cmac.ts'
export type { EpcCount, PlatformCollateral, PlatformTcb } from '../protocol/index.ts'
export {
  type EpcShortage,
  SimulatorError,
  type SimulatorErrorCode,
} from '../simulator-error.ts'
export { type DeviceOpening, deviceNames, openDeviceNode } from './device-node.ts'
export { enclaveFolder } from './folder.ts'
export {
  type EnclaveLayout,
  layOutEnclave,
  type ManifestMeasurement,
  measureLayout,
  measureManifest,
  type PageRun,
} from './layout.ts'
export { loadEnclave } from './load-enclave.ts'
export {
  type EnclaveFile,
  type EnclaveFolder,
  type EnclaveManifest,
  type KssManifest,
  parseManifest,
  readEnclaveFiles,
} from './manifest.ts'
export { type ConnectOptions, connectPlatform, type PlatformClient } from './platform-client.ts'
export type {
  ClientEnclaveCreation,
  ClientEnclaveSignature,
  CreatedEnclave,
  LoadedEnclave,
} from './remote-enclave.ts'
export { simulatedMrSigner } from './signer.ts'
export { SimulatedQuoting, type SimulatedQuotingOptions } from './simulated-quoting.ts'
export { type TokenSource, tokenFile } from './token.ts'
