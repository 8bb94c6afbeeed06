import type { AesmEvent } from '@alcove/aesm'
import { errorFields, type Log } from '@alcove/process'
import type { SimulatorError } from '@alcove/simulator/client'

/** How often one kind of failure is logged at most: any pod can make as many as it likes. */
const EVERY_MS = 1000

/**
 * Logs what the AESM server tells. A request is logged by its answer; failures of one kind are logged once a second,
 * with how many more there were.
 */
export function aesmEventLog(log: Log, now: () => number): (event: AesmEvent) => void {
  const sparsely = onceASecond(now)
  return event => {
    const { kind, ...fields } = event
    switch (event.kind) {
      case 'request':
        break
      case 'answered':
        if (event.errorCode === 0) log.info(kind, fields)
        else sparsely(`answered ${event.errorCode}`, more => log.warn(kind, { ...fields, ...more }))
        break
      case 'recovered':
        log.info(kind, fields)
        break
      case 'unanswered':
        sparsely(`unanswered ${event.reason}`, more => log.warn(kind, { ...fields, ...more }))
        break
      case 'backend-failed':
      case 'server-failed':
        sparsely(kind, more =>
          log.error(kind, { ...fields, error: errorFields(event.error), ...more }),
        )
    }
  }
}

/** Logs what the platform, or the way to it, refused: programs are answered a number only. */
export function platformRefusalLog(log: Log, now: () => number): (error: SimulatorError) => void {
  const sparsely = onceASecond(now)
  return error => {
    sparsely(error.code, more => log.warn('platform refused', { ...errorFields(error), ...more }))
  }
}

type Sparsely = (kind: string, write: (fields: Readonly<Record<string, unknown>>) => void) => void

function onceASecond(now: () => number): Sparsely {
  const kinds = new Map<string, { loggedAt: number; more: number }>()
  return (kind, write) => {
    const last = kinds.get(kind)
    if (last !== undefined && now() - last.loggedAt < EVERY_MS) {
      last.more++
      return
    }
    kinds.set(kind, { loggedAt: now(), more: 0 })
    write(last === undefined || last.more === 0 ? {} : { moreBefore: last.more })
  }
}
