import type { Environment } from '@alcove/process'
import { progressReporter } from '../build/build-progress.ts'
import { cacheDirectory } from '../build/cache-directory.ts'
import { ensureParts, type Parts } from '../build/ensure-parts.ts'
import {
  installMissing,
  mayInstall,
  type Preflight,
  preflight,
  preflightText,
} from '../build/preflight.ts'
import type { PartName } from '../build/recipe.ts'
import { ClusterError } from '../cluster/cluster-error.ts'

export interface CommandDeps {
  readonly environment: Environment
  readonly print: (text: string) => void
  readonly signal: AbortSignal
}

/** The modules that are built for every cluster; their go.mod says which Go they need. */
const MODULES = ['kubernetes-1.37.2', 'runtime'] as const

/**
 * Looks whether this machine can carry a cluster, and builds what is not in the cache.
 *
 * @throws {ClusterError} `ERR_CLUSTER_MACHINE` naming everything that is missing, with the remedies
 */
export async function prepare(
  options: { kubernetes: string; wanted: readonly PartName[]; install: boolean },
  deps: CommandDeps,
): Promise<Parts> {
  const { environment, print, signal } = deps
  const cache = cacheDirectory(environment)
  await requireMachine(cache, options.install, deps)
  const parts = await ensureParts({
    kubernetes: options.kubernetes,
    wanted: options.wanted,
    cache,
    environment,
    onProgress: progressReporter(process.stderr),
    signal,
  })
  if (!parts.pinned) {
    print(
      `Kubernetes ${parts.kubernetes} is unpinned: no go.sum of this project fixes what it is built from`,
    )
  }
  return parts
}

async function requireMachine(cache: string, install: boolean, deps: CommandDeps): Promise<void> {
  const look = (): Promise<Preflight> => preflight(MODULES, { cache, ...deps })
  let { facts, shortfalls } = await look()
  if (shortfalls.length > 0 && mayInstall(facts, deps.environment, install)) {
    const write = (text: string): void => void process.stderr.write(text)
    await installMissing(shortfalls, { ...deps, write })
    ;({ facts, shortfalls } = await look())
  }
  const blocking = shortfalls.filter(one => one.blocking)
  if (blocking.length === 0) return
  const text = `this machine cannot carry a cluster yet:\n${preflightText(blocking)}\n  or let it be installed: --install`
  throw new ClusterError('ERR_CLUSTER_MACHINE', text)
}
