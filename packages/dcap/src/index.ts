export { appraise, type Verdict } from './appraise.ts'
export type { BetterLevel, Lack } from './better-level.ts'
export { type Certificate, type Name, parseCertificate } from './certificate.ts'
export type { Claims, EnclaveClaims, TdClaims, TdExtensionClaims } from './claims.ts'
export { type Collateral, crlDer, encodeCollateral, parseCollateral } from './collateral.ts'
export { CollateralError, type CollateralErrorCode } from './collateral-error.ts'
export { type Crl, parseCrl } from './crl.ts'
export { DerReader } from './der.ts'
export { intelRoots } from './intel-roots.ts'
export type { ModuleLevel } from './module-level.ts'
export {
  type PckCertificate,
  type PlatformConfiguration,
  parsePckCertificate,
  type SgxType,
} from './pck-certificate.ts'
export type { PckFacts } from './pck-facts.ts'
export { certificatesFromPem } from './pem.ts'
export {
  type Allowed,
  defaultPolicy,
  type KssIdentity,
  type KssPolicy,
  type Policy,
  type TdMeasurement,
  type TdPolicy,
  tdMeasurements,
} from './policy.ts'
export { PolicyError, type PolicyErrorCode, type PolicyProblem } from './policy-error.ts'
export { parsePolicy, policySchema } from './policy-file.ts'
export { parseQeIdentity, type QeIdentity } from './qe-identity.ts'
export { type Reason, type ReasonCode, reasonText } from './reason.ts'
export type { SignedObject } from './signed-json.ts'
export type {
  CurrentTcb,
  ModuleTcb,
  OpenAdvisory,
  PlatformTcb,
  TcbEvaluation,
} from './tcb-evaluation.ts'
export { parseTcbInfo, type TcbInfo } from './tcb-info.ts'
export type { ComponentNames, PlatformSvns, TcbLevel } from './tcb-level.ts'
export {
  convergeStatus,
  type LevelStatus,
  levelStatuses,
  type ModuleStatus,
  moduleStatuses,
  relaunchStatus,
  type TcbStatus,
  tcbStatuses,
} from './tcb-status.ts'
export type { TdxModule, TdxModuleIdentity } from './tdx-module.ts'
export type { Freshness, ValidityFinding } from './validity.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts'
export { type Step, type StepName, type Verified, type VerifyOptions, verify } from './verify.ts'
export { VerifyError, type VerifyErrorCode, type VerifyFacts } from './verify-error.ts'
