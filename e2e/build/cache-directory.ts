import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Environment } from '@alcove/process'

/**
 * Where the cluster's parts are kept between runs: `${XDG_CACHE_HOME:-~/.cache}/alcove/e2e`.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/ — a relative XDG_CACHE_HOME is to be ignored
 */
export function cacheDirectory(environment: Environment): string {
  const xdg = environment['XDG_CACHE_HOME'] ?? ''
  const base = isAbsolute(xdg) ? xdg : join(environment['HOME'] ?? homedir(), '.cache')
  return join(base, 'alcove', 'e2e')
}
