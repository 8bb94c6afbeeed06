import { pino } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

/** Log lines of a process: an event's name and its facts. Never a secret, never a quote. */
export interface Log {
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

/** One JSON object a line: `{"level":"info","time":"…","service":"quote-helper","event":"ready",…}`. */
export function jsonLog(service: string, out: { write(line: string): void }): Log {
  const logger = pino(
    {
      base: { service },
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    out,
  )
  return {
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  }
}

/** The facts of an error for a log line: its code where it has one, its message, never its stack. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { message: String(error) }
  return 'code' in error ? { code: error.code, message: error.message } : { message: error.message }
}
