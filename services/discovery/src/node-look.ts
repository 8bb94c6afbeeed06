import { setTimeout as delay } from 'node:timers/promises'
import { capability, type Host, HostError, type NodeFacts, readNode } from '@alcove/host'
import type { Log } from '@alcove/process'
import { type EpcMode, type Verdict, verdictOf } from './verdict.ts'

export interface NodeLookDeps {
  readonly host: Host
  readonly epcMode: EpcMode
  /** Between two looks. */
  readonly lookMs: number
  readonly log: Log
  /** After each look that succeeded. */
  readonly onVerdict: (verdict: Verdict) => void
  /** Why nothing is known of the node so far; `undefined` once something is. */
  readonly onUnread: (reason: string) => void
  readonly signal: AbortSignal
}

/**
 * Looks at the node every few seconds until `signal` aborts. A node that cannot be read is as it was read last: nothing is told
 * of it, and its reason is logged once.
 */
export async function lookAtNode(deps: NodeLookDeps): Promise<void> {
  const { host, epcMode, log, signal } = deps
  let facts: NodeFacts | undefined
  let unreadable: string | undefined
  while (!signal.aborted) {
    try {
      facts = await readNode(host, facts)
      if (unreadable !== undefined) log.info('node can be read again')
      unreadable = undefined
      deps.onVerdict(verdictOf(capability(facts), epcMode))
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      if (unreadable !== error.message) log.error('node cannot be read', { reason: error.message })
      unreadable = error.message
      if (facts === undefined) deps.onUnread(error.message)
    }
    await delay(deps.lookMs, undefined, { signal }).catch(() => undefined)
  }
}
