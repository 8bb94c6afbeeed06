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
  /** Another plugin has the resource; `sockets` has the file name of its socket. Nothing is registered until it is gone. */
  | {
      readonly event: 'taken-over'
      readonly resource: string
      readonly sockets: readonly string[]
      readonly reason: string
    }
  /** A newer instance of this plugin serves; this one is quiet until that one ends. */
  | {
      readonly event: 'superseded'
      readonly resource: string
      readonly sockets: readonly string[]
      readonly reason: string
    }
  /** The kubelet's stream is open, but the kubelet gives no sign of life: it is stopped, or hangs. */
  | { readonly event: 'kubelet-silent'; readonly path: string; readonly reason: string }
  | { readonly event: 'kubelet-answers'; readonly path: string }
  /** `ms`: from the request to the answer. */
  | { readonly event: 'allocate'; readonly count: number; readonly ms: number }
  | { readonly event: 'allocate-refused'; readonly reason: string }
  | { readonly event: 'error'; readonly reason: string }
