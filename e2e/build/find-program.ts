import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '@alcove/process'

/** Where PATH leads for a program; undefined where it leads nowhere. */
export function findProgram(name: string, environment: Environment): Promise<string | undefined> {
  const directories = (environment['PATH'] ?? '').split(':').filter(one => one !== '')
  return firstUsable(directories.map(one => join(one, name)))
}

/** The first of the paths that is there for us to use. @param mode of access(2): to execute, unless told */
export async function firstUsable(
  paths: readonly string[],
  mode: number = constants.X_OK,
): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await access(path, mode)
      return path
    } catch {
      // Not there, or not for us: the next one may be.
    }
  }
  return undefined
}
