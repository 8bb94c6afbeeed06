import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { command } from '../cluster/command.ts'
import type { ClusterLayout } from '../cluster/layout.ts'

const root = join(import.meta.dirname, '../..')
const CHART = join(root, 'deploy/helm/alcove')

export type EpcMode = 'bytes' | 'devices'

/**
 * Installs Alcove, or brings what is installed to these values, as docs/guides/simulated-cluster.md says it, and waits until all
 * of it is ready.
 *
 * @param set further values, as `helm --set` takes them
 */
export async function installAlcove(
  layout: ClusterLayout,
  epcMode: EpcMode,
  set: readonly string[] = [],
): Promise<void> {
  const values = await alcove('sim', 'values', '--state', alcoveState(layout))
  const sets = [`epcMode=${epcMode}`, ...set].flatMap(one => ['--set', one])
  const release = ['alcove', CHART, '--namespace', NAMESPACE, '--create-namespace']
  const waiting = ['--wait', '--timeout', '180s']
  const helm = ['upgrade', '--install', ...release, ...waiting, '--values', '-', ...sets]
  await command(layout.helm, helm, { input: values })
}

/** Takes Alcove from the cluster. */
export async function uninstallAlcove(layout: ClusterLayout): Promise<void> {
  await command(layout.helm, ['uninstall', 'alcove', '--namespace', NAMESPACE, '--timeout', '10m'])
}

const NAMESPACE = 'alcove-system'

/** The state directory with the keys of the cluster's simulated platforms. */
export function alcoveState(layout: ClusterLayout): string {
  return join(layout.state, 'alcove')
}

/** Runs Alcove's command line on this machine. */
export function alcove(...args: readonly string[]): Promise<string> {
  return command(process.execPath, [join(root, 'cli/src/main.ts'), ...args])
}

/** `alcove.dev/alcove:VERSION` as the image that the nodes have. */
export function withImage(manifest: string, version: string): string {
  return manifest.replaceAll(':VERSION', `:${version}`)
}

/** What a program has printed, and how it ended. */
export interface Said {
  readonly stdout: string
  readonly exitCode: number
}

/** Runs Alcove's command line on this machine, whatever its exit code; rejects where it prints nothing. */
export function alcoveSays(...args: readonly string[]): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>()
  execFile(process.execPath, [join(root, 'cli/src/main.ts'), ...args], (error, stdout, stderr) => {
    if (stdout === '') reject(new Error(`alcove ${args[0]}: ${stderr}`, { cause: error }))
    else resolve({ stdout, exitCode: error === null ? 0 : Number(error.code) })
  })
  return promise
}
