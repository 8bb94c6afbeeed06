import { execFile } from 'node:child_process'
import { glob, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from '@alcove/process'
import { BuildError } from './build-error.ts'
import type { BuildProgress } from './build-progress.ts'
import { ensureEntry, isComplete } from './cache-entry.ts'
import { findProgram } from './find-program.ts'
import { reportedEntry } from './reported-entry.ts'

const run = promisify(execFile)

const PACKAGE = 'prometheus'
const PROGRAMS = ['prometheus', 'promtool'] as const

/** Where the programs are. */
export type PrometheusPrograms = Readonly<Record<(typeof PROGRAMS)[number], string>>

export interface FindPrometheus {
  readonly cache: string
  readonly environment: Environment
}

/** Those in PATH, or those that were unpacked into the cache before; `undefined` where there are none. */
export async function findPrometheus({
  cache,
  environment,
}: FindPrometheus): Promise<PrometheusPrograms | undefined> {
  const prometheus = await findProgram('prometheus', environment)
  const promtool = await findProgram('promtool', environment)
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool }
  const entries = await Array.fromAsync(glob(`${PACKAGE}-*`, { cwd: cache }))
  for (const entry of entries.toSorted().toReversed()) {
    if (await isComplete(join(cache, entry))) return programsOf(join(cache, entry))
  }
  return undefined
}

export interface EnsurePrometheus extends FindPrometheus {
  readonly onProgress: (progress: BuildProgress) => void
  readonly signal: AbortSignal
}

/**
 * Prometheus and promtool. Where there are none, Debian's package is fetched and unpacked into the cache: installed, it would start
 * a server on the machine's network. apt verifies it; its version is in the entry's name.
 *
 * @throws {BuildError} `ERR_E2E_INSTALL`
 */
export async function ensurePrometheus(options: EnsurePrometheus): Promise<PrometheusPrograms> {
  const { cache, environment, signal, onProgress } = options
  const found = await findPrometheus(options)
  if (found !== undefined) return found
  const version = await offeredVersion(environment, signal)
  if (version === undefined) {
    const text = `apt knows no package ${PACKAGE}: apt-get update, or put ${PROGRAMS.join(' and ')} into PATH`
    throw new BuildError('ERR_E2E_INSTALL', text)
  }
  const name = `${PACKAGE}-${version}`
  const directory = await reportedEntry(name, onProgress, ({ onWait, onBuilding }) =>
    ensureEntry({
      cache,
      name,
      fill: draft => {
        onBuilding({ modules: 0, packages: 0, latest: 'fetched by apt-get' })
        return unpack(draft, version, options)
      },
      signal,
      onWait,
    }),
  )
  return programsOf(directory)
}

/** The version that apt would fetch; `undefined` where there is no apt, or its lists have none. */
export async function offeredVersion(
  environment: Environment,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const args = ['show', '--no-all-versions', PACKAGE]
    const { stdout } = await run('apt-cache', args, { env: { ...environment }, signal })
    return /^Version: (\S+)$/m.exec(stdout)?.[1]
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function programsOf(directory: string): PrometheusPrograms {
  return {
    prometheus: join(directory, 'bin/prometheus'),
    promtool: join(directory, 'bin/promtool'),
  }
}

async function unpack(
  draft: string,
  version: string,
  { environment, signal }: EnsurePrometheus,
): Promise<void> {
  const work = join(draft, 'work')
  await mkdir(work)
  const options = { cwd: work, env: { ...environment }, signal }
  try {
    // apt's own user may not write here, and only warns of it: this is its way not to.
    const fetch = ['--quiet', '-o', 'APT::Sandbox::User=root', 'download', `${PACKAGE}=${version}`]
    await run('apt-get', fetch, options)
    const [archive] = await Array.fromAsync(glob('*.deb', { cwd: work }))
    await run('dpkg-deb', ['--extract', archive ?? '', 'root'], options)
  } catch (cause) {
    signal.throwIfAborted()
    throw new BuildError('ERR_E2E_INSTALL', `apt-get download ${PACKAGE}=${version}`, saidBy(cause))
  }
  await mkdir(join(draft, 'bin'))
  for (const program of PROGRAMS) {
    await rename(join(work, 'root/usr/bin', program), join(draft, 'bin', program))
  }
  await rm(work, { recursive: true })
}

function saidBy(cause: unknown): readonly string[] {
  const text = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause)
  return text.trim().split('\n').slice(-5)
}
