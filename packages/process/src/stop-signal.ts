/** As much of `process` as {@link stopSignal} uses. */
export interface StoppableProcess {
  on(event: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'disconnect', listener: () => void): unknown
  exit?(code: number): void
  readonly connected?: boolean
  readonly channel?: { unref(): void } | undefined | null
}

/** As a shell says it of a process that SIGINT ended. */
const EXIT_AT_ONCE = 130

/**
 * Aborts when this process is to end: on SIGTERM, SIGINT or SIGHUP, or when a parent that started it with an IPC
 * channel is gone, however it ended. A second signal ends the process at once.
 */
export function stopSignal(process: StoppableProcess): AbortSignal {
  const controller = new AbortController()
  for (const event of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(event, () => {
      if (controller.signal.aborted) process.exit?.(EXIT_AT_ONCE)
      controller.abort(event)
    })
  }
  if (process.connected) {
    process.on('disconnect', () => controller.abort('parent gone'))
    process.channel?.unref() // the channel alone does not keep the process alive
  }
  return controller.signal
}

/** Resolves when `signal` aborts. Until then the process stays alive, whatever else it has to do. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) {
      resolve()
      return
    }
    const alive = setInterval(() => undefined, LONGEST_TIMER_MS)
    const end = (): void => {
      clearInterval(alive)
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
  })
}

/** The longest interval that a timer takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
