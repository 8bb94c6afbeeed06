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
  const line = plainText(inOneLine(error.message))
  if (verbose) return [`${error.name}: ${line}`, ...framesOf(error)].join('\n')
  return error instanceof CodedError ? `${line} (${error.code})` : line
}

function inOneLine(text: string): string {
  const lines = text.split('\n')
  return lines.map((line, index) => (index === 0 ? line.trimEnd() : line.trim())).join(' ')
}

/** Of the stack, which starts with the message, in however many lines that is, what the program wrote itself. */
function framesOf({ stack = '', message }: Error): string[] {
  const after = stack.slice(stack.indexOf(message) + message.length)
  return after.split('\n').slice(1).map(plainText)
}

/** An error as data: its code and its line. */
export function errorJson(error: unknown): Readonly<Record<string, unknown>> {
  const code = error instanceof CodedError ? error.code : 'ERR_UNEXPECTED'
  const message = error instanceof Error ? error.message : String(error)
  return { error: { code, message } }
}
