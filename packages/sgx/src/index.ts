export { AttributeFlag, type Attributes } from './attributes.ts'
export {
  encodeKeyRequest,
  KeyName,
  KeyPolicy,
  type KeyRequest,
  parseKeyRequest,
} from './key-request.ts'
export { encodeReport, parseReport, type Report } from './report.ts'
export { encodeReportBody, parseReportBody, type ReportBody } from './report-body.ts'
export { encodeTargetInfo, parseTargetInfo, type TargetInfo } from './target-info.ts'
