import { create, isFieldSet } from '@bufbuild/protobuf'
import { ecdsaP256KeyId, keyIdBytes } from './attestation-key-id.ts'
import type { QuotingBackend } from './backend.ts'
import { AesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'
import type { AesmEvent } from './events.ts'
import {
  type Request,
  type Request_SelectAttKeyId,
  Request_SelectAttKeyIdSchema,
  type Response,
  ResponseSchema,
} from './gen/messages_pb.ts'
import { requireParameter, selectKeyId } from './key-id-requests.ts'
import type { AesmLimits } from './limits.ts'
import type { ResponseFields } from './messages.ts'
import { isLegacy, type OperationName, refusal } from './operations.ts'
import { Quoting } from './quoting.ts'
import { QuotingQueue } from './quoting-queue.ts'

export interface ResponderOptions {
  readonly backend: QuotingBackend
  readonly limits: AesmLimits
  readonly recover: boolean
  readonly onEvent: (event: AesmEvent) => void
}

/** Answers one request; never rejects. The signal aborts with the `AesmError` to answer: the deadline, or the server's end. */
export type Respond = (
  operation: OperationName,
  request: Request,
  signal: AbortSignal,
) => Promise<Response>

/**
 * Answers what is known without the quoting back end at once, the rest through a queue, and
 * the legacy requests with 30 (SERVICE_UNAVAILABLE).
 *
 * @see docs/formats/aesm.md
 */
export function createResponder({ backend, limits, recover, onEvent }: ResponderOptions): Respond {
  const quoting = new Quoting({
    backend,
    queue: new QuotingQueue(limits.runningQuotes, limits.waitingQuotes),
    maxQuoteBytes: limits.quoteBytes,
    onRecovered: recover ? operation => onEvent({ kind: 'recovered', operation }) : undefined,
  })
  return async (operation, request, signal) => {
    try {
      return create(ResponseSchema, await answer(quoting, operation, request, signal))
    } catch (error) {
      if (error instanceof AesmError) return refusal(operation, error.errorCode)
      onEvent({ kind: 'backend-failed', operation, error })
      return refusal(operation, AesmCode.unexpected)
    }
  }
}

/** Looks at the requests in the order of `operationOf`, which put the legacy ones first. */
async function answer(
  quoting: Quoting,
  operation: OperationName,
  request: Request,
  signal: AbortSignal,
): Promise<ResponseFields> {
  if (isLegacy(operation)) throw new AesmError(AesmCode.serviceUnavailable)
  const { initQuoteEx, getQuoteSizeEx, getQuoteEx, getSupportedAttKeyIds } = request
  if (initQuoteEx) return { initQuoteEx: await quoting.init(initQuoteEx, signal) }
  if (getQuoteSizeEx) {
    const quoteSize = await quoting.size(getQuoteSizeEx.attKeyId, signal)
    return { getQuoteSizeEx: { errorCode: AesmCode.success, quoteSize } }
  }
  if (getQuoteEx) return { getQuoteEx: await quoting.quote(getQuoteEx, signal) }
  if (request.selectAttKeyId) return { selectAttKeyId: select(request.selectAttKeyId) }
  if (request.getSupportedAttKeyIdNum) {
    return { getSupportedAttKeyIdNum: { errorCode: AesmCode.success, attKeyIdNum: 1 } }
  }
  requireParameter('buf_size', getSupportedAttKeyIds?.bufSize === keyIdBytes)
  return { getSupportedAttKeyIds: { errorCode: AesmCode.success, attKeyIds: ecdsaP256KeyId } }
}

function select(request: Request_SelectAttKeyId): ResponseFields['selectAttKeyId'] {
  const listed = isFieldSet(request, Request_SelectAttKeyIdSchema.field.attKeyIdList)
  const selectedAttKeyId = selectKeyId(listed ? request.attKeyIdList : undefined)
  return { errorCode: AesmCode.success, selectedAttKeyId }
}
