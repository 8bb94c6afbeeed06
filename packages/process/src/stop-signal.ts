/** As much of `process` as {@link stopSignal} uses. */
export interface StoppableProcess {
  on(event: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'disconnect', listener: () => void): unknown
  readonly connected?: boolean
  readonly channel?: { unref(): void } | undefined | null
}

/**
 * Aborts when this process is to end: on SIGTERM, SIGINT or SIGHUP, or when a parent that started it with an IPC
 * channel is gone, however it ended.
 */
export function stopSignal(process: StoppableProcess): AbortSignal {
  const controller = new AbortController()
  for (const event of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(event, () => controller.abort(event))
  }
  if (process.connected) {
    process.on('disconnect', () => controller.abort('parent gone'))
    process.channel?.unref() // the channel alone does not keep the process alive
  }
  return controller.signal
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
