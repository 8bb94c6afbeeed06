export { appraise, defaultPolicy, type Policy, type Verdict } from './appraise.ts'
export { type Certificate, type Name, parseCertificate } from './certificate.ts'
export type { Claims } from './claims.ts'
export { type Collateral, encodeCollateral, parseCollateral } from './collateral.ts'
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
export { certificatesFromPem } from './pem.ts'
export { parseQeIdentity, type QeIdentity } from './qe-identity.ts'
export { type Reason, type ReasonCode, reasonText } from './reason.ts'
export type { SignedObject } from './signed-json.ts'
export { parseTcbInfo, type TcbInfo } from './tcb-info.ts'
export type { TcbLevel } from './tcb-level.ts'
export { convergeStatus, type QeStatus, type TcbStatus, tcbStatuses } from './tcb-status.ts'
export type { Freshness, ValidityFinding } from './validity.ts'
export { type Step, type StepName, type Verified, type VerifyOptions, verify } from './verify.ts'
export { VerifyError, type VerifyErrorCode, type VerifyFacts } from './verify-error.ts'
