import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from '@alcove/process'
import type { BuildProgress } from './build-progress.ts'
import { ensureEntry } from './cache-entry.ts'
import { type GoCommand, runGo } from './go-command.ts'
import { parseGoMod } from './go-mod.ts'
import { emptyOutput, type GoOutput } from './go-output.ts'
import { findRelease } from './kubernetes-release.ts'
import { type PartName, type Recipe, recipeOf } from './recipe.ts'
import { reportedEntry } from './reported-entry.ts'
import { buildKey, readToolchain, type Toolchain } from './toolchain.ts'

/** The project's Go modules: `kubernetes-1.37.2/`, `runtime/`, `helm/`, `metrics-server/`. */
export const goModules: string = join(import.meta.dirname, '..', 'go')

/** Where the programs of a cluster are; names of programs are upstream's. */
export interface Parts {
  /** The release, without the `v`. */
  readonly kubernetes: string
  /** Directory of kube-apiserver, kube-scheduler, kube-controller-manager, kubelet, kube-proxy, kubectl. */
  readonly kubernetesBin: string
  /** Directory of containerd, containerd-shim-runc-v2, ctr, runc, etcd. */
  readonly runtimeBin: string
  /** Directory of bridge, host-local, loopback, portmap. */
  readonly cniBin: string
  /** The program, where it was wanted. */
  readonly helm?: string
  /** The program, where it was wanted. */
  readonly metricsServer?: string
  /** False where no go.sum of the project fixes this Kubernetes: say so. */
  readonly pinned: boolean
}

export interface EnsureParts {
  readonly kubernetes: string
  /** Beside `kubernetes` and `runtime`, which every cluster has. */
  readonly wanted: readonly PartName[]
  readonly cache: string
  readonly environment: Environment
  readonly onProgress: (progress: BuildProgress) => void
  readonly signal: AbortSignal
}

/**
 * Every program of a cluster, from the cache or built now. Safe to kill at any time, and to run twice at once.
 *
 * @throws {BuildError} `ERR_E2E_GO`, `ERR_E2E_RELEASE`
 */
export async function ensureParts(options: EnsureParts): Promise<Parts> {
  const { kubernetes: version, cache, environment, signal, wanted, onProgress } = options
  const toolchain = await readToolchain(goModules, environment, signal)
  const build = (part: PartName, directory: string): Promise<string> =>
    ensurePart(part, directory, toolchain, options)
  const release = await reportedEntry(`kubernetes ${version}: go.sum`, onProgress, report =>
    findRelease(version, {
      modules: goModules,
      cache,
      toolchain,
      environment,
      signal,
      ...report,
    }),
  )
  const runtime = await build('runtime', join(goModules, 'runtime'))
  const kubernetes = await build('kubernetes', release.directory)
  const helm = wanted.includes('helm') ? await build('helm', join(goModules, 'helm')) : undefined
  const metricsServer = wanted.includes('metrics-server')
    ? await build('metrics-server', join(goModules, 'metrics-server'))
    : undefined
  return {
    kubernetes: version,
    kubernetesBin: join(kubernetes, 'bin'),
    runtimeBin: join(runtime, 'bin'),
    cniBin: join(runtime, 'cni'),
    ...(helm === undefined ? {} : { helm: join(helm, 'bin/helm') }),
    ...(metricsServer === undefined
      ? {}
      : { metricsServer: join(metricsServer, 'bin/metrics-server') }),
    pinned: release.pinned,
  }
}

async function ensurePart(
  part: PartName,
  directory: string,
  toolchain: Toolchain,
  { cache, environment, signal, onProgress }: EnsureParts,
): Promise<string> {
  const goMod = await readFile(join(directory, 'go.mod'), 'utf8')
  const goSum = await readFile(join(directory, 'go.sum'), 'utf8')
  const recipe = recipeOf(part, parseGoMod(goMod))
  const key = buildKey({ toolchain, goMod, goSum, recipe })
  return reportedEntry(`${part} ${recipe.version}`, onProgress, report =>
    ensureEntry({
      cache,
      name: `${part}-${recipe.version}-${key}`,
      fill: draft =>
        buildPart(recipe, draft, { directory, environment, signal, onOutput: report.onOutput }),
      signal,
      onWait: report.onWait,
    }),
  )
}

type GoIn = Required<Pick<GoCommand, 'directory' | 'environment' | 'signal' | 'onOutput'>>

async function buildPart(recipe: Recipe, draft: string, go: GoIn): Promise<void> {
  let before = emptyOutput
  for (const { packages, output, cgo, flags } of recipe.builds) {
    let latest = before
    const onOutput = (now: GoOutput): void => {
      latest = sumOf(before, now)
      go.onOutput(latest)
    }
    onOutput(emptyOutput)
    const target = join(draft, output)
    await mkdir(output.endsWith('/') ? target : dirname(target), { recursive: true })
    // -mod=readonly: go.mod and go.sum are as committed, or the build fails.
    const args = ['build', '-v', '-mod=readonly', '-trimpath', ...flags]
    // join() has kept the slash at the end, by which Go takes a directory for one.
    await runGo({ ...go, args: [...args, '-o', target, ...packages], cgo, onOutput })
    before = latest
  }
  await Promise.all(recipe.programs.map(program => access(join(draft, program))))
}

/** What several commands of one part have done together. */
function sumOf(before: GoOutput, now: GoOutput): GoOutput {
  return {
    ...now,
    modules: before.modules + now.modules,
    packages: before.packages + now.packages,
  }
}
