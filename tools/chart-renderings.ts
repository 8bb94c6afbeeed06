import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export const chartFolder: string = join(import.meta.dirname, '../deploy/helm/alcove')

/** The namespace and the release of the golden renderings, and of the guides. */
export const NAMESPACE = 'alcove-system'
export const RELEASE = 'alcove'

const run = promisify(execFile)

/** The golden renderings: `golden/NAME.yaml`, each of the values in `golden/values/NAME.yaml`. */
export async function goldenNames(): Promise<readonly string[]> {
  const files = await readdir(join(chartFolder, 'golden/values'))
  return files.map(file => basename(file, '.yaml')).toSorted()
}

export function goldenPath(name: string): string {
  return join(chartFolder, 'golden', `${name}.yaml`)
}

export function readGolden(name: string): Promise<string> {
  return readFile(goldenPath(name), 'utf8')
}

/** Helm: the one that `HELM` names, one on the `PATH`, or the one that `npm run e2e` has built. */
export async function findHelm(): Promise<string | undefined> {
  const { HELM, PATH = '', XDG_CACHE_HOME } = process.env
  if (HELM !== undefined && HELM !== '') return HELM
  const onPath = PATH.split(delimiter)
    .map(folder => join(folder, 'helm'))
    .find(existsSync)
  if (onPath !== undefined) return onPath
  const cache = join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'alcove/e2e')
  const built = await Array.fromAsync(glob('helm-*/bin/helm', { cwd: cache }))
  const last = built.toSorted().at(-1)
  return last === undefined ? undefined : join(cache, last)
}

/** `helm template` of a golden rendering's values. */
export async function render(helm: string, name: string): Promise<string> {
  const values = join(chartFolder, 'golden/values', `${name}.yaml`)
  return runHelm(helm, ['template', RELEASE, chartFolder, '--namespace', NAMESPACE, '-f', values])
}

/**
 * What Helm prints. It finds no settings and no cluster of whoever runs it, unless `environment` names one.
 *
 * @throws {Error} with what Helm says where it fails
 */
export async function runHelm(
  helm: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', ...environment }
  const { stdout } = await run(helm, args, { env, maxBuffer: 2 ** 24 })
  return stdout
}
