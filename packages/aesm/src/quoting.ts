import type { MessageInitShape } from '@bufbuild/protobuf'
import { abortable } from './abortable.ts'
import type { QuotingBackend } from './backend.ts'
import { AesmCode } from './error-code.ts'
import { AesmError } from './errors.ts'
import type {
  Request_GetQuoteEx,
  Request_InitQuoteEx,
  Response_GetQuoteExSchema,
  Response_InitQuoteExSchema,
} from './gen/messages_pb.ts'
import { requireKeyId, requireParameter } from './key-id-requests.ts'
import {
  encodeQeReportInfo,
  parseQeReportInfo,
  pubKeyIdBytes,
  qeReportInfoBytes,
  reportBytes,
  targetInfoBytes,
} from './qe-report-info.ts'
import type { QuotingQueue } from './quoting-queue.ts'

type QuoteRequest = Parameters<QuotingBackend['quote']>[0]
type MadeQuote = Awaited<ReturnType<QuotingBackend['quote']>>

export interface QuotingOptions {
  readonly backend: QuotingBackend
  readonly queue: QuotingQueue
  /** Largest `buf_size`. */
  readonly maxQuoteBytes: number
  /** Called once the back end has its key again; absent if 42 is to be answered instead. */
  readonly onRecovered: ((operation: 'getQuoteSizeEx' | 'getQuoteEx') => void) | undefined
}

/** The three requests that need the quoting back end. Each throws an `AesmError` with the number to answer. */
export class Quoting {
  readonly #backend: QuotingBackend
  readonly #queue: QuotingQueue
  readonly #maxQuoteBytes: number
  readonly #onRecovered: QuotingOptions['onRecovered']

  constructor({ backend, queue, maxQuoteBytes, onRecovered }: QuotingOptions) {
    this.#backend = backend
    this.#queue = queue
    this.#maxQuoteBytes = maxQuoteBytes
    this.#onRecovered = onRecovered
  }

  async init(
    request: Request_InitQuoteEx,
    signal: AbortSignal,
  ): Promise<MessageInitShape<typeof Response_InitQuoteExSchema>> {
    requireKeyId(request.attKeyId)
    const pubKeyIdSize = BigInt(pubKeyIdBytes)
    if (!request.bPubKeyId) {
      // Asks for the size only. Its buf_size means nothing: one of Intel's clients leaves it uninitialised.
      return { errorCode: 0, targetInfo: new Uint8Array(targetInfoBytes), pubKeyIdSize }
    }
    requireParameter('buf_size', request.bufSize === pubKeyIdSize)
    const { targetInfo, pubKeyId } = await this.#queue.run(s => this.#backend.init(s), signal)
    return {
      errorCode: 0,
      targetInfo: promised('targetInfo', targetInfo, targetInfoBytes),
      pubKeyIdSize,
      pubKeyId: promised('pubKeyId', pubKeyId, pubKeyIdBytes),
    }
  }

  async size(keyId: Uint8Array, signal: AbortSignal): Promise<number> {
    requireKeyId(keyId)
    const ask = async (): Promise<number> =>
      await abortable(this.#backend.quoteSize(signal), signal)
    try {
      return await ask()
    } catch (error) {
      if (!this.#recovers(error)) throw error
    }
    await this.#queue.run(s => this.#backend.init(s), signal)
    this.#onRecovered?.('getQuoteSizeEx')
    return await ask()
  }

  async quote(
    request: Request_GetQuoteEx,
    signal: AbortSignal,
  ): Promise<MessageInitShape<typeof Response_GetQuoteExSchema>> {
    const { report, bufSize, qeReportInfo: info } = request
    requireParameter('report', report.byteLength === reportBytes)
    requireKeyId(request.attKeyId)
    requireParameter('qe_report_info', [0, qeReportInfoBytes].includes(info.byteLength))
    requireParameter('buf_size', bufSize <= this.#maxQuoteBytes)
    const wanted = info.byteLength === 0 ? { report } : { report, qeReportInfo: info }
    const made = await this.#queue.run(s => this.#makeQuote(wanted, s), signal)
    requireParameter('buf_size', made.quote.byteLength <= bufSize)
    const quote = new Uint8Array(bufSize)
    quote.set(made.quote)
    if (info.byteLength === 0) return { errorCode: 0, quote }
    const qeReport = promised('qeReport', made.qeReport, reportBytes)
    const qeReportInfo = encodeQeReportInfo({ ...parseQeReportInfo(info), qeReport })
    return { errorCode: 0, quote, qeReportInfo }
  }

  /**
   * After a lost key the client's REPORT is still good, unless the quoting enclave is another
   * one now; then 42 is the answer after all, since a client that gets it makes a new REPORT.
   */
  async #makeQuote(wanted: QuoteRequest, signal: AbortSignal): Promise<MadeQuote> {
    try {
      return await this.#backend.quote(wanted, signal)
    } catch (error) {
      if (!this.#recovers(error)) throw error
    }
    await this.#backend.init(signal)
    this.#onRecovered?.('getQuoteEx')
    try {
      return await this.#backend.quote(wanted, signal)
    } catch (cause) {
      if (!isAesmError(cause, AesmCode.invalidReport)) throw cause
      throw new AesmError(AesmCode.keyNotInitialized, 'another quoting enclave', { cause })
    }
  }

  #recovers(error: unknown): boolean {
    return this.#onRecovered !== undefined && isAesmError(error, AesmCode.keyNotInitialized)
  }
}

function isAesmError(error: unknown, errorCode: number): boolean {
  return error instanceof AesmError && error.errorCode === errorCode
}

/** A back end that breaks its contract is a fault of ours, answered 1 (UNEXPECTED). */
function promised(field: string, value: Uint8Array | undefined, length: number): Uint8Array {
  if (value?.byteLength === length) return value
  throw new TypeError(
    `the quoting back end gave ${value?.byteLength} bytes of ${field}, not ${length}`,
  )
}
