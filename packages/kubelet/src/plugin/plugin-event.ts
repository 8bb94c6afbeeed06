/** What a plugin server tells its owner, for the log and for metrics. */
export type PluginEvent =
  /** Bound; the kubelet does not know of it yet. */
  | { readonly event: 'serving'; readonly path: string }
  /** There is no kubelet socket; it is waited for. */
  | { readonly event: 'kubelet-absent'; readonly path: string }
  | { readonly event: 'registered'; readonly resource: string; readonly endpoint: string }
  /** The attempt is made again after `retryMs`, or at once when the kubelet's socket is a new one. */
  | { readonly event: 'register-failed'; readonly reason: string; readonly retryMs: number }
  | { readonly event: 'streaming'; readonly devices: number; readonly healthy: number }
  | { readonly event: 'stream-ended' }
  | { readonly event: 'allocate'; readonly count: number }
  | { readonly event: 'allocate-refused'; readonly reason: string }
  | { readonly event: 'error'; readonly reason: string }
