/**
 * What makes the quotes: a quoting enclave on silicon, a simulated one, or another AESM.
 * To have a certain AESM error answered, throw an `AesmError` with its number; anything else
 * thrown is answered 1 (UNEXPECTED) and reported as an event.
 */
export interface QuotingBackend {
  /** Loads the quoting enclave and certifies its attestation key. `targetInfo` 512 bytes, `pubKeyId` 32. */
  init(signal: AbortSignal): Promise<{ targetInfo: Uint8Array; pubKeyId: Uint8Array }>
  /** Bytes of the next quote. Not queued behind quotes: answer it from memory. */
  quoteSize(signal: AbortSignal): Promise<number>
  /** Verifies the REPORT's MAC and signs. `qeReport` (432 bytes) is due when `qeReportInfo` was given. */
  quote(
    request: { report: Uint8Array; qeReportInfo?: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ quote: Uint8Array; qeReport?: Uint8Array }>
}
