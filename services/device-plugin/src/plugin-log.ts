import type { PluginEvent } from '@alcove/kubelet'
import type { Log } from '@alcove/process'

/** A log line for what a resource's server tells, at the level of who should look at it. */
export function logPluginEvent(
  log: Log,
  resource: string,
  { event, ...fields }: PluginEvent,
): void {
  const whole = 'ms' in fields ? { ...fields, ms: Math.round(fields.ms) } : fields
  log[levels[event] ?? 'info'](event, { resource, ...whole })
}

/** `warn`: something outside the plugin is to be put right, and its reason says what. */
const levels: Partial<Record<PluginEvent['event'], keyof Log>> = {
  'taken-over': 'warn',
  'register-failed': 'warn',
  'kubelet-silent': 'warn',
  'allocate-refused': 'warn',
  error: 'error',
}
