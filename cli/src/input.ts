import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { CodedError } from '@alcove/bytes'
import { decoded } from './encoding.ts'
import { UsageError } from './exit.ts'

export type InputErrorCode =
  | 'ERR_INPUT_ABSENT'
  | 'ERR_INPUT_UNREADABLE'
  | 'ERR_INPUT_EMPTY'
  | 'ERR_INPUT_TOO_LARGE'

/** A file that a command was given cannot be used. */
export class InputError extends CodedError<InputErrorCode> {}

/** Where bytes come from that are in no file: standard input. */
export type Source = AsyncIterable<Uint8Array>

/**
 * Reads a file whole, or standard input where the path is `-`.
 *
 * @param what what it should be, for the error: `quote`
 */
export async function readSource(
  path: string,
  what: string,
  maxBytes: number,
  stdin: Source,
): Promise<Uint8Array> {
  if (path !== '-') return readInput(path, what, maxBytes)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(chunk)
    length += chunk.byteLength
    if (length > maxBytes) break
  }
  return ofUsableSize(Uint8Array.from(Buffer.concat(chunks)), 'standard input', what, maxBytes)
}

/** @throws {UsageError} where `-` stands twice in a command line: there is one standard input */
export function expectOneStdin(paths: readonly (string | undefined)[]): void {
  if (paths.filter(path => path === '-').length <= 1) return
  throw new UsageError('- stands for standard input, which is read once: name files for the others')
}

/**
 * Reads what is at most `maxBytes` long, and may be in hex or base64, which take more than twice as much.
 *
 * @param what what it should be, for the error: `quote`
 */
export async function readEncoded(
  path: string,
  what: string,
  maxBytes: number,
  stdin: Source,
): Promise<Uint8Array> {
  const { bytes } = decoded(await readSource(path, what, 3 * maxBytes, stdin))
  return ofUsableSize(bytes, path, what, maxBytes)
}

/**
 * Reads a file whole that is at most `maxBytes` long.
 *
 * @param what what the file should be, for the error: `quote`
 */
export async function readInput(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw notAFile
    const buffer = new Uint8Array(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.byteLength - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.byteLength) break
    }
    bytes = buffer.subarray(0, length)
  } catch (cause) {
    throw unreadable(path, what, cause)
  }
  return ofUsableSize(bytes, path, what, maxBytes)
}

function ofUsableSize(bytes: Uint8Array, path: string, what: string, maxBytes: number): Uint8Array {
  if (bytes.byteLength > maxBytes) {
    throw new InputError(
      'ERR_INPUT_TOO_LARGE',
      `${path}: more than ${maxBytes} bytes, which no ${what} has: is it the right file?`,
    )
  }
  if (bytes.byteLength === 0) {
    throw new InputError(
      'ERR_INPUT_EMPTY',
      `${path}: empty, want ${article(what)}: is it the right file?`,
    )
  }
  return bytes
}

/** A device, a pipe or a directory may never end, or never begin. */
const notAFile = new Error('is not a regular file')

function unreadable(path: string, what: string, cause: unknown): InputError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT') {
    return new InputError(
      'ERR_INPUT_ABSENT',
      `${path}: no such file, want ${article(what)}: check the path`,
      { cause },
    )
  }
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'may not be read by you',
    EPERM: 'may not be read by you',
  }
  const reason = reasons[String(code)] ?? (cause instanceof Error ? cause.message : String(cause))
  return new InputError(
    'ERR_INPUT_UNREADABLE',
    `${path}: ${reason}, want ${article(what)}: name a file that you may read`,
    { cause },
  )
}

function article(what: string): string {
  return `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`
}

/** What a malformed file is told as: its name, what is wrong in it, and what to do. The code is the parser's. */
export class MalformedInputError extends CodedError {
  constructor(path: string, what: string, cause: CodedError) {
    const told = `${path}: ${cause.message}`
    const remedy = `is it ${article(what)}, and whole? Get it again, or name another`
    // What is wrong with a policy says itself what to write.
    super(cause.code, cause.code.startsWith('ERR_POLICY_') ? told : `${told}: ${remedy}`, { cause })
  }
}

/** What `parse` answers; what it finds malformed is told with the file's name. */
export function parseInput<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const isMalformed =
      error instanceof CodedError &&
      /^ERR_(FORMAT|COLLATERAL|POLICY|SIMULATOR_MANIFEST)/.test(error.code)
    throw isMalformed ? new MalformedInputError(path, what, error) : error
  }
}
