import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '@alcove/process'
import { z } from 'zod'
import { BuildError } from './build-error.ts'
import { ensureEntry } from './cache-entry.ts'
import { runGo } from './go-command.ts'
import type { GoOutput } from './go-output.ts'
import { kubernetesGoMod } from './kubernetes-module.ts'
import type { Toolchain } from './toolchain.ts'

const MODULE = 'k8s.io/kubernetes'
const Download = z.object({ GoMod: z.string() })
const Listed = z.object({ Versions: z.array(z.string()).default([]) })

export interface KubernetesRelease {
  /** The module's directory: go.mod and go.sum. */
  readonly directory: string
  /** Whether its go.sum is part of the project; elsewhere the module proxy and Go's checksum database are trusted anew. */
  readonly pinned: boolean
}

export interface FindRelease {
  /** The project's own modules, `kubernetes-1.37.2` among them. */
  readonly modules: string
  readonly cache: string
  readonly toolchain: Toolchain
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly onWait: () => void
  readonly onOutput: (output: GoOutput) => void
}

/**
 * The Go module that builds a release of Kubernetes: the project's own, or one made in the cache.
 *
 * @param version without the `v`: `1.37.2`
 * @throws {BuildError} `ERR_E2E_RELEASE` for a release that the module proxy does not serve; `ERR_E2E_GO`
 */
export async function findRelease(version: string, deps: FindRelease): Promise<KubernetesRelease> {
  if (!/^1\.\d+\.\d+$/.test(version))
    throw new BuildError('ERR_E2E_RELEASE', `want a release such as 1.37.2, got '${version}'`)
  const committed = join(deps.modules, `kubernetes-${version}`)
  if (await isThere(join(committed, 'go.sum'))) return { directory: committed, pinned: true }
  const directory = await ensureEntry({
    cache: deps.cache,
    name: `module-kubernetes-${version}-${formKey(deps.toolchain)}`,
    fill: draft => writeModule(draft, version, deps),
    signal: deps.signal,
    onWait: deps.onWait,
  })
  return { directory, pinned: false }
}

/** Writes go.mod and go.sum of a release. Copied to `e2e/go/kubernetes-VERSION` and committed, they pin it. */
async function writeModule(
  directory: string,
  version: string,
  { environment, signal, onOutput }: Pick<FindRelease, 'environment' | 'signal' | 'onOutput'>,
): Promise<void> {
  const go = { directory, environment, signal, onOutput }
  const releaseGoMod = await readReleaseGoMod(version, environment, signal)
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'go.mod'), kubernetesGoMod(version, releaseGoMod))
  await runGo({ ...go, args: ['mod', 'tidy'] })
}

async function readReleaseGoMod(
  version: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<string> {
  // Outside of any module: one around it would take part in choosing versions.
  const directory = await mkdtemp(join(tmpdir(), 'alcove-release-'))
  const go = { directory, environment, signal }
  try {
    const args = ['mod', 'download', '-json', `${MODULE}@v${version}`]
    const { GoMod } = Download.parse(JSON.parse(await runGo({ ...go, args })))
    return await readFile(GoMod, 'utf8')
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    const args = ['list', '-m', '-versions', '-json', MODULE]
    const { Versions } = Listed.parse(JSON.parse(await runGo({ ...go, args })))
    if (Versions.includes(`v${version}`)) throw error
    throw new BuildError('ERR_E2E_RELEASE', notServed(version, Versions))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function notServed(version: string, versions: readonly string[]): string {
  const releases = versions.filter(one => !one.includes('-')).slice(-8)
  return `the module proxy does not serve Kubernetes ${version}; its latest: ${releases.join(', ')}`
}

/** Which form of module was made, and for which Go: what `writeModule` writes depends on both. */
function formKey(toolchain: Toolchain): string {
  const form = kubernetesGoMod('1.0.0', '')
  return createHash('sha256').update(`${form}${toolchain['GOVERSION']}`).digest('hex').slice(0, 12)
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
