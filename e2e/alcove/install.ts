import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { programVersion } from '../../tools/image/program.ts'
import { command } from '../cluster/command.ts'
import type { ClusterLayout } from '../cluster/layout.ts'

const root = join(import.meta.dirname, '../..')
const MANIFESTS = join(root, 'deploy/kubernetes')
const DAEMON_SETS = ['simulator', 'device-plugin', 'quote-helper'] as const
const ROLLOUT_LIMIT = '--timeout=180s'

/** Installs Alcove, as docs/guides/simulated-cluster.md says it, and waits until all of it is ready. */
export async function installAlcove(options: {
  readonly layout: ClusterLayout
  readonly onProgress: (text: string) => void
}): Promise<void> {
  const { layout, onProgress } = options
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    command(layout.kubectl, args, input === undefined ? {} : { input })
  const apply = (manifest: string): Promise<string> => kubectl(['apply', '-f', '-'], manifest)
  await apply(await readFile(join(MANIFESTS, 'namespace.yaml'), 'utf8'))
  await apply(await alcove('sim', 'secret', '--state', alcoveState(layout)))
  for (const part of DAEMON_SETS) await apply(await manifestOf(part))
  for (const part of DAEMON_SETS) {
    const status = ['rollout', 'status', `daemonset/alcove-${part}`, ROLLOUT_LIMIT]
    await kubectl(['-n', 'alcove-system', ...status])
    onProgress(`${part} ready`)
  }
}

/** The state directory with the keys of the cluster's simulated platforms. */
export function alcoveState(layout: ClusterLayout): string {
  return join(layout.state, 'alcove')
}

/** Runs Alcove's command line on this machine. */
export function alcove(...args: readonly string[]): Promise<string> {
  return command(process.execPath, [join(root, 'cli/src/main.ts'), ...args])
}

/** A manifest with this version's image, for simulated nodes. */
export async function manifestOf(part: (typeof DAEMON_SETS)[number]): Promise<string> {
  const text = await readFile(join(MANIFESTS, `${part}.yaml`), 'utf8')
  return withImage(text, await programVersion(root)).replace('value: hardware', 'value: simulated')
}

/** `alcove.dev/alcove:VERSION` as the image that the nodes have. */
export function withImage(manifest: string, version: string): string {
  return manifest.replaceAll(':VERSION', `:${version}`)
}
