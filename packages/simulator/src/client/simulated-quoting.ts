import type { Answer, Operation, RequestFields } from '../protocol/index.ts'
import { SimulatorError, type SimulatorErrorCode } from '../simulator-error.ts'
import { Connection } from './connection.ts'
import { type TokenSource, tokenOf } from './token.ts'

export interface SimulatedQuotingOptions {
  /** Of the platform's socket. */
  readonly path: string
  /** What the provision device's file holds on an embedded node; on a cluster, the file that holds it. */
  readonly token: TokenSource
  /** Asked before each connection is made: throws where the provision device is not to be had. */
  readonly beforeOpening?: () => Promise<void>
}

const openTimeoutMs = 5_000

/**
 * The quoting enclave of the simulated platform, as a quote helper uses one. Connects when it is first asked, and again
 * when the platform has restarted. Its errors carry `aesmCode`.
 */
export class SimulatedQuoting implements AsyncDisposable {
  readonly #options: SimulatedQuotingOptions
  #connection: Promise<Connection> | undefined

  constructor(options: SimulatedQuotingOptions) {
    this.#options = options
  }

  /** TARGETINFO (512 bytes) for the REPORT that is to become a quote, and the attestation key's id (32 bytes). */
  init(signal: AbortSignal): Promise<{ targetInfo: Uint8Array; pubKeyId: Uint8Array }> {
    return this.#ask('qe.targetInfo', {}, signal)
  }

  /** Bytes of every quote of this platform. */
  async quoteSize(signal: AbortSignal): Promise<number> {
    return (await this.#ask('qe.quoteSize', {}, signal)).quoteBytes
  }

  /**
   * @param request a REPORT (432 bytes), and a `qeReportInfo` (960 bytes) where the caller wants the quoting enclave's
   *   REPORT over the quote
   * @throws {SimulatorError} `ERR_SIMULATOR_REPORT`, AESM 47, where the REPORT's MAC is wrong
   */
  async quote(
    request: { readonly report: Uint8Array; readonly qeReportInfo?: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ quote: Uint8Array; qeReport?: Uint8Array }> {
    const report = request.report.toBase64()
    const qeReportInfo = request.qeReportInfo?.toBase64()
    const { quote, qeReport } = await this.#ask('qe.quote', { report, qeReportInfo }, signal)
    return qeReport === undefined ? { quote } : { quote, qeReport }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.close()
  }

  /**
   * Every request can be made twice, so one that a restart cut off is made again; and so is one that met the new platform
   * with the old one's token, or the old platform with the new one's.
   */
  async #ask<Op extends Operation>(
    op: Op,
    fields: RequestFields<string>[Op],
    signal: AbortSignal,
  ): Promise<Answer<Op>> {
    const used = this.#connect()
    try {
      return await (await used).request(op, fields, signal)
    } catch (error) {
      if (!isRestart(error)) throw error
      this.#forget(used)
      return (await this.#connect()).request(op, fields, signal)
    }
  }

  /** Several requests may wait for one connection, so its opening is no one's to abort. */
  #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    const opening = openQuoting(this.#options, AbortSignal.timeout(openTimeoutMs))
    const forget = () => this.#forget(opening)
    opening.then(connection => connection.ended).then(forget, forget)
    this.#connection = opening
    return opening
  }

  #forget(connection: Promise<Connection>): void {
    if (this.#connection === connection) this.#connection = undefined
  }
}

async function openQuoting(
  { path, token, beforeOpening }: SimulatedQuotingOptions,
  signal: AbortSignal,
): Promise<Connection> {
  await beforeOpening?.()
  const connection = await Connection.open(path, signal)
  try {
    await connection.request('open', { token: await tokenOf(token) }, signal)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** What a platform that starts anew looks like from here, while it does and after. */
function isRestart(error: unknown): boolean {
  return error instanceof SimulatorError && restartCodes.has(error.code)
}

const restartCodes: ReadonlySet<SimulatorErrorCode> = new Set([
  'ERR_SIMULATOR_UNREACHABLE',
  'ERR_SIMULATOR_NOT_PERMITTED',
])
