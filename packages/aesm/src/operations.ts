import { create } from '@bufbuild/protobuf'
import { type Request, type Response, ResponseSchema } from './gen/messages_pb.ts'

/** Every request of the protocol; the answer has the same name. */
export type OperationName = Exclude<keyof Request, '$typeName' | '$unknown'>

const legacy = [
  'getLaunchToken',
  'initQuote',
  'getQuote',
  'reportAttestationError',
  'checkUpdateStatus',
  'getWhiteListSize',
  'getWhiteList',
  'getExtendedEpidGroupId',
  'switchExtendedEpidGroup',
  'register',
] as const satisfies readonly OperationName[]

const served = [
  'initQuoteEx',
  'getQuoteSizeEx',
  'getQuoteEx',
  'selectAttKeyId',
  'getSupportedAttKeyIdNum',
  'getSupportedAttKeyIds',
] as const satisfies readonly OperationName[]

/** If several requests are in one message the first of these is answered, as in Intel's daemon. */
const dispatchOrder: readonly OperationName[] = [...legacy, ...served]

/** Whether the operation is one that only EPID, launch control or the platform services had. */
export function isLegacy(operation: OperationName): boolean {
  return legacy.some(name => name === operation)
}

/** The operation that a request asks for, or `undefined` if it asks for none that is known. */
export function operationOf(request: Request): OperationName | undefined {
  return dispatchOrder.find(name => request[name] !== undefined)
}

/** The answer of an operation that gives nothing but an error number. */
export function refusal(operation: OperationName, errorCode: number): Response {
  return create(ResponseSchema, { [operation]: { errorCode } })
}
