import { FormatError } from '@alcove/bytes'
import { ecdsaP256KeyId, keyIdBytes } from './attestation-key-id.ts'
import { call } from './call.ts'
import { AesmCode } from './error-code.ts'
import { AesmError, AesmTransportError } from './errors.ts'
import type { Response } from './gen/messages_pb.ts'
import type { RequestFields } from './messages.ts'
import type { OperationName } from './operations.ts'
import {
  encodeQeReportInfo,
  parseQeReportInfo,
  pubKeyIdBytes,
  reportBytes,
  targetInfoBytes,
} from './qe-report-info.ts'
import { trimQuote } from './quote-length.ts'
import { requireSocketPath } from './socket-path.ts'

/** Intel's clients give up after as long. */
const defaultTimeoutMs = 15_000
/** The most that the protocol's servers are asked for; real quotes have less than 16 KiB. */
const maxQuoteBytes = 64 * 1024

export interface AesmClientOptions {
  readonly path: string
  /** For one call, from connecting to the last byte of its answer. */
  readonly timeoutMs?: number
}

/** The quoting enclave that REPORTs must be made for, and the key that it signs with. */
export interface QuotingEnclave {
  /** 512 bytes, the TARGETINFO for EREPORT. */
  readonly targetInfo: Uint8Array
  /** 32 bytes; another value means another attestation key. */
  readonly pubKeyId: Uint8Array
}

/**
 * A client of the AESM socket. Every call has a connection of its own and throws
 *
 * - `AesmError` for an answer with an error number,
 * - `AesmTransportError` `ERR_AESM_UNREACHABLE`, `ERR_AESM_TIMEOUT`, `ERR_AESM_NO_ANSWER`, or
 *   `ERR_AESM_REPLY` for an answer that is not the protocol's,
 * - the signal's reason once that aborts.
 */
export class AesmClient {
  readonly #path: string
  readonly #timeoutMs: number

  /** @throws {AesmSocketError} `ERR_AESM_SOCKET_PATH_TOO_LONG` */
  constructor({ path, timeoutMs = defaultTimeoutMs }: AesmClientOptions) {
    requireSocketPath(path)
    this.#path = path
    this.#timeoutMs = timeoutMs
  }

  /** The attestation key ids that the server offers, 256 bytes each. */
  async supportedKeyIds(signal?: AbortSignal): Promise<Uint8Array[]> {
    const name = 'getSupportedAttKeyIdNum'
    const { attKeyIdNum } = await this.#ask(name, { [name]: {} }, signal)
    const bufSize = attKeyIdNum * keyIdBytes
    const wanted = { getSupportedAttKeyIds: { bufSize } }
    const { attKeyIds } = await this.#ask('getSupportedAttKeyIds', wanted, signal)
    this.#require('att_key_ids', attKeyIds, bufSize)
    return Array.from({ length: attKeyIdNum }, (_, index) =>
      attKeyIds.slice(index * keyIdBytes, (index + 1) * keyIdBytes),
    )
  }

  /** Has the quoting enclave loaded and its key certified. */
  async initQuote(signal?: AbortSignal): Promise<QuotingEnclave> {
    const request = {
      attKeyId: ecdsaP256KeyId,
      bPubKeyId: true,
      bufSize: BigInt(pubKeyIdBytes),
    }
    const answer = await this.#ask('initQuoteEx', { initQuoteEx: request }, signal)
    return {
      targetInfo: this.#require('target_info', answer.targetInfo, targetInfoBytes),
      pubKeyId: this.#require('pub_key_id', answer.pubKeyId, pubKeyIdBytes),
    }
  }

  /** Bytes of a quote. */
  async quoteSize(signal?: AbortSignal): Promise<number> {
    const wanted = { getQuoteSizeEx: { attKeyId: ecdsaP256KeyId } }
    const { quoteSize } = await this.#ask('getQuoteSizeEx', wanted, signal)
    if (quoteSize > 0 && quoteSize <= maxQuoteBytes) return quoteSize
    throw this.#badReply(`quote_size is ${quoteSize}, want 1 to ${maxQuoteBytes}`)
  }

  /** A quote for a REPORT (432 bytes) that was made for `initQuote`'s TARGETINFO, without padding. */
  async getQuote(report: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    return (await this.#quote(report, undefined, options.signal)).quote
  }

  /**
   * A quote, and the quoting enclave's own REPORT over it for an enclave of the caller, which
   * can so make sure that the quoting enclave itself made the quote.
   *
   * @param nonce 16 bytes
   * @param targetInfo TARGETINFO of the enclave that will verify the REPORT, 512 bytes
   */
  async getQuoteWithQeReport(
    report: Uint8Array,
    {
      nonce,
      targetInfo,
      signal,
    }: { nonce: Uint8Array; targetInfo: Uint8Array; signal?: AbortSignal },
  ): Promise<{ quote: Uint8Array; qeReport: Uint8Array }> {
    const info = { nonce, appEnclaveTargetInfo: targetInfo, qeReport: new Uint8Array(reportBytes) }
    const { quote, qeReportInfo } = await this.#quote(report, encodeQeReportInfo(info), signal)
    return { quote, qeReport: this.#parse(() => parseQeReportInfo(qeReportInfo).qeReport) }
  }

  /**
   * Initialises, has the caller make a REPORT, and gets its quote. If the server has lost its
   * key meanwhile (42), it does all of it once more: the quoting enclave may be another one.
   */
  async quoteWith(
    makeReport: (targetInfo: Uint8Array) => Promise<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const once = async (): Promise<Uint8Array> => {
      const { targetInfo } = await this.initQuote(options.signal)
      return await this.getQuote(await makeReport(targetInfo), options)
    }
    try {
      return await once()
    } catch (error) {
      if (isKeyLost(error)) return await once()
      throw error
    }
  }

  async #quote(
    report: Uint8Array,
    qeReportInfo: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ quote: Uint8Array; qeReportInfo: Uint8Array }> {
    const bufSize = await this.quoteSize(signal)
    const request = {
      report,
      attKeyId: ecdsaP256KeyId,
      bufSize,
      ...(qeReportInfo && { qeReportInfo }),
    }
    const answer = await this.#ask('getQuoteEx', { getQuoteEx: request }, signal)
    return {
      quote: this.#parse(() => trimQuote(answer.quote)),
      qeReportInfo: answer.qeReportInfo,
    }
  }

  async #ask<Name extends OperationName>(
    name: Name,
    request: RequestFields,
    signal: AbortSignal | undefined,
  ): Promise<NonNullable<Response[Name]>> {
    const response = await call(request, { path: this.#path, timeoutMs: this.#timeoutMs, signal })
    const answer = response[name]
    if (answer === undefined) throw this.#badReply(`it has no answer to ${name}`)
    if (answer.errorCode !== AesmCode.success) throw new AesmError(answer.errorCode, name)
    return answer
  }

  #require(field: string, value: Uint8Array, length: number): Uint8Array {
    if (value.byteLength === length) return value
    throw this.#badReply(`${field} has ${value.byteLength} bytes, want ${length}`)
  }

  #parse(parse: () => Uint8Array): Uint8Array {
    try {
      return parse()
    } catch (cause) {
      if (cause instanceof FormatError) throw this.#badReply(cause.message, { cause })
      throw cause
    }
  }

  #badReply(detail: string, options?: ErrorOptions): AesmTransportError {
    const text = `its answer is not AESM’s: ${detail}; see what listens there`
    return new AesmTransportError('ERR_AESM_REPLY', this.#path, text, options)
  }
}

function isKeyLost(error: unknown): boolean {
  return error instanceof AesmError && error.errorCode === AesmCode.keyNotInitialized
}
