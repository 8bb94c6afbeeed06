import { CodedError } from '@alcove/bytes'
import { plainText } from './plain-text.ts'

/** What a command's exit code says; the README lists them. */
export const Exit = { ok: 0, failed: 1, usage: 2, refused: 3 } as const

/** A command was called wrongly. */
export class UsageError extends CodedError<'ERR_USAGE'> {
  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

/** The exit code for an error: the one table from codes to exit codes. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof CodedError)) return Exit.failed
  if (error.code === 'ERR_USAGE') return Exit.usage
  if (error.code.startsWith('ERR_VERIFY_')) return Exit.refused
  return Exit.failed
}

/** One line for a person; the whole error where `verbose` asks for it. */
export function errorText(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return plainText(String(error))
  if (verbose) return (error.stack ?? error.message).split('\n').map(plainText).join('\n')
  const line = plainText(error.message.replaceAll(/\s*\n\s*/g, ' '))
  return error instanceof CodedError ? `${line} (${error.code})` : line
}

/** An error as data: its code and its line. */
export function errorJson(error: unknown): Readonly<Record<string, unknown>> {
  const code = error instanceof CodedError ? error.code : 'ERR_UNEXPECTED'
  const message = error instanceof Error ? error.message : String(error)
  return { error: { code, message } }
}
