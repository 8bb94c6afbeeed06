import { randomInt } from 'node:crypto'

/** What of time and chance the stand-in takes from outside, so that tests can shorten the one and fix the other. */
export interface Behaviour {
  /** Nothing is admitted before the registration socket has been there for this long. */
  readonly admitFromMs: number
  /** A resource whose plugins have all gone is forgotten after this long. */
  readonly graceMs: number
  /** How long a plugin that registers has until its socket answers. */
  readonly dialMs: number
  /** How long an Allocate or GetPreferredAllocation call may take. */
  readonly allocateMs: number
  readonly preStartMs: number
  /** Whether, as up to Kubernetes 1.35, the end of any stream of a resource makes it drop the newest plugin. */
  readonly dropsNewest: boolean
  /** An integer from 0 to `below` - 1: which of the free devices is given next. */
  readonly pick: (below: number) => number
  /** Calls `action` after `ms`; returns how to prevent that. */
  readonly after: (ms: number, action: () => void) => () => void
}

/**
 * As in the kubelet 1.37.2, but for `allocateMs`: the kubelet waits for ever, and with it everybody who waits to be admitted.
 * `admitFromMs` is the median of what was measured, 665 to 3,045 ms.
 *
 * @see docs/formats/device-plugin.md
 */
export const kubeletBehaviour: Behaviour = {
  admitFromMs: 843,
  graceMs: 300_000,
  dialMs: 10_000,
  allocateMs: 30_000,
  preStartMs: 30_000,
  dropsNewest: false,
  pick: below => randomInt(below),
  after: (ms, action) => {
    const timer = setTimeout(action, ms).unref()
    return () => clearTimeout(timer)
  },
}
