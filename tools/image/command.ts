import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { ImageError } from './image-error.ts'

/** How a command ended, and what it wrote. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command of the machine to its end, in English.
 *
 * @param remedy what to do where the machine has no such command
 * @throws {ImageError} `ERR_IMAGE_PREREQUISITE` where there is none
 */
export async function finished(
  command: string,
  args: readonly string[],
  remedy: string,
): Promise<Finished> {
  const child = spawn(command, args, {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  try {
    await once(child, 'close')
  } catch (cause) {
    throw new ImageError('ERR_IMAGE_PREREQUISITE', `cannot run ${command}: ${remedy}`, { cause })
  }
  const [stdout, stderr] = await said
  return { code: child.exitCode, stdout, stderr }
}

/**
 * What a command writes, if it succeeds.
 *
 * @throws {ImageError} `ERR_IMAGE_COMMAND` with what it said if it fails; `ERR_IMAGE_PREREQUISITE` where there is none
 */
export async function output(
  command: string,
  args: readonly string[],
  remedy: string,
): Promise<string> {
  const { code, stdout, stderr } = await finished(command, args, remedy)
  if (code === 0) return stdout
  throw new ImageError(
    'ERR_IMAGE_COMMAND',
    `${[command, ...args].join(' ')} failed (${code}): ${stderr.trim()}; ${remedy}`,
  )
}
