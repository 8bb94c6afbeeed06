/** How a plugin server spends its time; tests shorten it. */
export interface Timing {
  /** How often the sockets are looked at when no change is noticed. */
  readonly pollMs: number
  /** How often a plugin that streams looks whether another plugin has registered its resource. */
  readonly lookMs: number
  /** How long a plugin that has stood back leaves a kubelet that has just started to the other one. */
  readonly giveWayMs: number
  /** How often a kubelet that streams is asked for a sign of life, and how long it has for it. */
  readonly pulseMs: number
}

export const usualTiming: Timing = {
  pollMs: 1_000,
  lookMs: 30_000,
  giveWayMs: 10_000,
  pulseMs: 10_000,
}
