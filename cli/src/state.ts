import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { CodedError } from '@alcove/bytes'
import { UsageError } from './exit.ts'

export type StateErrorCode = 'ERR_STATE_PATH' | 'ERR_STATE_OWNER' | 'ERR_STATE_SEED'

/** The state directory cannot be used; the message says why and what to do. */
export class StateError extends CodedError<StateErrorCode> {}

/** A unix socket's path has at most 107 bytes on Linux (unix(7): `sun_path` is 108 with its end), 103 on macOS. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** The longest that Alcove puts below the state directory: a device plugin's socket, on a node that `run --tcb` starts. */
const LONGEST_BELOW = '/t/4194304/kubelet/alcove-provision-mwvcwv0bji-999.sock'
const LONGEST_STATE = SOCKET_PATH_BYTES - LONGEST_BELOW.length

/**
 * Where the state of this user's embedded node lives: `asked`, else `~/.alcove`, or a directory in the temporary folder
 * where the home directory is unknown or too long for socket paths.
 *
 * @throws {StateError} `ERR_STATE_PATH` when `asked` is too long
 */
export function statePath(asked: string | undefined): string {
  if (asked === '') throw new UsageError('--state, or ALCOVE_STATE, is empty: name a directory')
  if (asked !== undefined) {
    const path = resolve(asked)
    if (Buffer.byteLength(path) > LONGEST_STATE) {
      throw new StateError(
        'ERR_STATE_PATH',
        `--state ${path}: ${Buffer.byteLength(path)} bytes, at most ${LONGEST_STATE}: the kernel refuses socket paths over ${SOCKET_PATH_BYTES} bytes; choose a shorter directory`,
      )
    }
    return path
  }
  const home = join(homedir(), '.alcove')
  if (home.startsWith('/') && Buffer.byteLength(home) <= LONGEST_STATE) return home
  return join(tmpdir(), `alcove-${process.getuid?.() ?? 0}`)
}

/**
 * Makes the state directory if need be and refuses one that others could write or read: it holds the seed of every
 * simulated key.
 */
export async function openState(path: string): Promise<void> {
  try {
    await makeDirectory(path)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new StateError(
      'ERR_STATE_PATH',
      `cannot make the state directory ${path}: ${detail}; name another one with --state`,
      { cause },
    )
  }
  const found = await lstat(path)
  const uid = process.getuid?.()
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new StateError(
      'ERR_STATE_OWNER',
      `${path} must be a directory of yours that nobody else may enter: chmod 700 it, or name another one with --state`,
    )
  }
}

/** One level at a time: a recursive mkdir never ends where the kernel denies a parent that is there, as below /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
    await makeDirectory(dirname(path))
    await mkdir(path, { mode: 0o700 })
  }
}

/** The machine's 32-byte seed, from which all simulated keys come; made at first use, for this user's eyes only. */
export async function readSeed(
  state: string,
  random: (length: number) => Uint8Array,
): Promise<Uint8Array> {
  const path = join(state, 'seed')
  try {
    await writeFile(path, random(32), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
  }
  const seed = Uint8Array.from(await readFile(path))
  if (seed.byteLength !== 32) {
    throw new StateError(
      'ERR_STATE_SEED',
      `${path} has ${seed.byteLength} bytes, not 32: delete it, and authorities.json beside it, for a new simulated platform`,
    )
  }
  return seed
}
