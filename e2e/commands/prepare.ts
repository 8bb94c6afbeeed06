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
import { ensurePrometheus, type PrometheusPrograms } from '../build/prometheus-package.ts'
import type { PartName } from '../build/recipe.ts'
import { ClusterError } from '../cluster/cluster-error.ts'

export interface CommandDeps {
  readonly environment: Environment
  readonly print: (text: string) => void
  readonly signal: AbortSignal
}

/** The modules that are built for every cluster; their go.mod says which Go they need. */
const MODULES = ['kubernetes-1.37.2', 'runtime'] as const

export interface Prepared extends Parts {
  /** Where it was wanted. */
  readonly prometheus?: PrometheusPrograms
}

export interface PrepareOptions {
  readonly kubernetes: string
  readonly wanted: readonly PartName[]
  readonly prometheus: boolean
  readonly install: boolean
}

/**
 * Looks whether this machine can carry a cluster, and builds what is not in the cache.
 *
 * @throws {ClusterError} `ERR_CLUSTER_MACHINE` naming everything that is missing, with the remedies
 */
export async function prepare(options: PrepareOptions, deps: CommandDeps): Promise<Prepared> {
  const { environment, print, signal } = deps
  const cache = cacheDirectory(environment)
  await requireMachine(cache, options, deps)
  const onProgress = progressReporter(process.stderr)
  const common = { cache, environment, onProgress, signal }
  const { kubernetes, wanted } = options
  const prometheus = options.prometheus ? await ensurePrometheus(common) : undefined
  const parts = await ensureParts({ ...common, kubernetes, wanted })
  if (!parts.pinned) {
    print(
      `Kubernetes ${parts.kubernetes} is unpinned: no go.sum of this project fixes what it is built from`,
    )
  }
  return prometheus === undefined ? parts : { ...parts, prometheus }
}

async function requireMachine(
  cache: string,
  { install, prometheus }: PrepareOptions,
  deps: CommandDeps,
): Promise<void> {
  const look = (): Promise<Preflight> => preflight(MODULES, { cache, prometheus, ...deps })
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
