/** What one server spends on its peers. */
export interface AesmLimits {
  /** Longest request. The largest legitimate one has about 2.6 KiB. */
  readonly requestBytes: number
  /** Largest `buf_size`, which is the length of the answer's quote. */
  readonly quoteBytes: number
  /** From connecting to the last byte of the request. */
  readonly readMs: number
  /** From the last byte of the request to the answer: below the 15 s after which Intel's clients give up. */
  readonly answerMs: number
  /** For the peer to take the answer. */
  readonly writeMs: number
  /** Connections at once. */
  readonly connections: number
  /** Requests for the quoting back end that run at once. */
  readonly runningQuotes: number
  /** Requests for the quoting back end that wait; one more is answered 18 (BUSY). */
  readonly waitingQuotes: number
}

export const defaultLimits: AesmLimits = {
  requestBytes: 64 * 1024,
  quoteBytes: 64 * 1024,
  readMs: 5_000,
  answerMs: 12_000,
  writeMs: 5_000,
  connections: 1024,
  runningQuotes: 1,
  waitingQuotes: 256,
}
