export { AttributeFlag, type Attributes } from './attributes.ts'
export {
  attributeNames,
  keyNameOf,
  keyPolicyNames,
  miscSelectNames,
  tdAttributeNames,
  xfrmNames,
} from './bit-names.ts'
export {
  type CertificationData,
  encodeCertification,
  type PckTcb,
  parseCertification,
} from './certification.ts'
export { EnclaveMeasurement, SecinfoFlag } from './enclave-measurement.ts'
export { type CpuidResult, type EpcSection, parseEpcSection } from './epc-section.ts'
export {
  encodeKeyRequest,
  KeyName,
  KeyPolicy,
  type KeyRequest,
  parseKeyRequest,
  reportKeyRequest,
} from './key-request.ts'
export {
  type Certification,
  encodeQuote,
  encodeQuoteSignedPart,
  parseQuote,
  type Quote,
  type QuoteFields,
  type QuoteSignatureData,
  type QuoteSubject,
} from './quote.ts'
export { INTEL_QE_VENDOR_ID, type QuoteHeader, type Tee } from './quote-header.ts'
export { encodeReport, parseReport, type Report } from './report.ts'
export { encodeReportBody, parseReportBody, type ReportBody } from './report-body.ts'
export type { ReportMac } from './report-mac.ts'
export { SgxError, type SgxErrorCode } from './sgx-error.ts'
export { measureSgxs, parseSgxs, type SgxsRecord } from './sgxs.ts'
export {
  encodeSigstruct,
  mrSignerOf,
  parseSigstruct,
  type Sigstruct,
  type SigstructFields,
} from './sigstruct.ts'
export { verifySigstruct } from './sigstruct-signature.ts'
export { encodeTargetInfo, parseTargetInfo, type TargetInfo } from './target-info.ts'
export {
  encodeTdReport,
  parseTdReport,
  type TdInfo,
  type TdReport,
  type TeeTcbInfo,
} from './td-report.ts'
export {
  encodeTdReportBody,
  parseTdReportBody,
  TD_REPORT_BODY_BYTES,
  TdAttribute,
  type TdReportBody,
} from './td-report-body.ts'
