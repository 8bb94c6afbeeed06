export type { LevelStatus } from '@alcove/dcap'
export type {
  CollateralFile,
  CollateralOptions,
  CollateralPart,
  SimulatedQe,
} from './collateral.ts'
export {
  type CertifiedPlatform,
  createPcs,
  type PcsCollateralOptions,
  type PcsOptions,
  type SimulatedPcs,
} from './pcs.ts'
export { PcsError } from './pcs-error.ts'
export {
  encodePublication,
  firstPublication,
  type Publication,
  parsePublication,
  parseState,
  type Recovery,
  recover,
  tcbEvaluationDataNumber,
} from './publication.ts'
export type { PckCa, PckPlatform } from './sgx-extension.ts'
export { parseStoredAuthorities, type StoredAuthorities } from './stored-authorities.ts'
export {
  cpuSvnFor,
  currentQeIsvSvn,
  lowered,
  qeIsvSvnFor,
  qeLevelsOf,
  tcbLevelsOf,
} from './tcb-levels.ts'
export type { Period } from './x509.ts'
