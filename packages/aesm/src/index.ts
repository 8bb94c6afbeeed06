export {
  type AttestationKeyId,
  ecdsaP256KeyId,
  encodeAttestationKeyId,
  encodeKeyIdList,
  parseAttestationKeyId,
  parseKeyIdList,
} from './attestation-key-id.ts'
export type { QuotingBackend } from './backend.ts'
export { AesmClient, type AesmClientOptions, type QuotingEnclave } from './client.ts'
export { AesmCode, type AesmErrorEntry, describeAesmCode } from './error-code.ts'
export {
  AesmError,
  type AesmErrorCode,
  AesmSocketError,
  type AesmSocketErrorCode,
  AesmTransportError,
  type AesmTransportErrorCode,
} from './errors.ts'
export type { AesmEvent, CloseReason } from './events.ts'
export { encodeFrame, FrameReader } from './frame.ts'
export type { Request, Response } from './gen/messages_pb.ts'
export { type AesmLimits, defaultLimits } from './limits.ts'
export { AesmMessageError } from './message-error.ts'
export {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestFields,
  type ResponseFields,
} from './messages.ts'
export { type OperationName, operationOf } from './operations.ts'
export {
  encodeQeReportInfo,
  parseQeReportInfo,
  type QeReportInfo,
  qeReportInfoBytes,
  reportBytes,
  targetInfoBytes,
} from './qe-report-info.ts'
export { trimQuote } from './quote-length.ts'
export { type AesmServer, type ServeAesmOptions, serveAesm } from './server.ts'
