import { existsSync } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from '@alcove/process'
import type { Building, BuildProgress } from './build-progress.ts'
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
      onWait: report.onWait,
      onOutput: ({ modules, packages, latest }) => report.onBuilding({ modules, packages, latest }),
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
        buildPart(recipe, draft, { directory, environment, signal, onBuilding: report.onBuilding }),
      signal,
      onWait: report.onWait,
    }),
  )
}

interface BuildPart extends Pick<GoCommand, 'directory' | 'environment' | 'signal'> {
  readonly onBuilding: (building: Building) => void
}

const LOOK_MS = 1000

async function buildPart(
  recipe: Recipe,
  draft: string,
  { onBuilding, ...go }: BuildPart,
): Promise<void> {
  const paths = recipe.programs.map(program => join(draft, program))
  let before = emptyOutput
  let sum = emptyOutput
  const report = (): void => {
    const { modules, packages, latest } = sum
    const linked = paths.filter(path => existsSync(path)).length
    onBuilding({ modules, packages, latest, linked, programs: paths.length })
  }
  report()
  const looks = setInterval(report, LOOK_MS)
  try {
    for (const { packages, output, cgo, flags } of recipe.builds) {
      const target = join(draft, output)
      await mkdir(output.endsWith('/') ? target : dirname(target), { recursive: true })
      // -mod=readonly: go.mod and go.sum are as committed, or the build fails. The slash at the end of a target makes it a directory.
      const args = ['build', '-v', '-mod=readonly', '-trimpath', ...flags, '-o', target]
      const onOutput = (now: GoOutput): void => {
        sum = sumOf(before, now)
      }
      await runGo({ ...go, args: [...args, ...packages], cgo, onOutput })
      before = sum
    }
  } finally {
    clearInterval(looks)
  }
  await Promise.all(paths.map(path => access(path)))
}

/** What several commands of one part have done together. */
function sumOf(before: GoOutput, now: GoOutput): GoOutput {
  return {
    ...now,
    modules: before.modules + now.modules,
    packages: before.packages + now.packages,
  }
}
