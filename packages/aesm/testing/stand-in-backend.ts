import type { QuotingBackend } from '../src/backend.ts'

/** A back end with fixed answers, that counts what it is asked. For tests only. */
export class StandInBackend implements QuotingBackend {
  readonly targetInfo: Uint8Array = new Uint8Array(512).fill(7)
  readonly pubKeyId: Uint8Array = new Uint8Array(32).fill(9)
  readonly asked: string[] = []
  /** What `quote` does before it answers. */
  beforeQuote: (signal: AbortSignal) => Promise<void> | void = () => undefined
  madeQuote: { quote: Uint8Array; qeReport?: Uint8Array } = { quote: standInQuote(600) }

  async init(): Promise<{ targetInfo: Uint8Array; pubKeyId: Uint8Array }> {
    this.asked.push('init')
    return { targetInfo: this.targetInfo, pubKeyId: this.pubKeyId }
  }

  async quoteSize(): Promise<number> {
    this.asked.push('quoteSize')
    return this.madeQuote.quote.byteLength
  }

  async quote(
    _request: { report: Uint8Array; qeReportInfo?: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ quote: Uint8Array; qeReport?: Uint8Array }> {
    this.asked.push('quote')
    await this.beforeQuote(signal)
    return this.madeQuote
  }
}

/** Bytes with the length field of a quote in the right place. */
export function standInQuote(signatureBytes: number): Uint8Array {
  const quote = new Uint8Array(436 + signatureBytes).fill(0xaa)
  new DataView(quote.buffer).setUint32(432, signatureBytes, true)
  return quote
}
