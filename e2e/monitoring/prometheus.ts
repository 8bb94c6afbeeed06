import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PrometheusPrograms } from '../build/prometheus-package.ts'
import { command } from '../cluster/command.ts'
import { type ClusterLayout, CONTROL_PLANE, namespaceOf } from '../cluster/layout.ts'
import { waitUntil } from '../kube/wait.ts'
import { readBuildInfo } from './answers.ts'
import { prometheusConfig, type Target } from './config.ts'

/** A Prometheus server that scrapes pods of the cluster. */
export interface Prometheus extends AsyncDisposable {
  readonly version: string
  /** The answers' bodies to GET requests of its HTTP API, in order: `/api/v1/alerts`. */
  ask(paths: readonly string[]): Promise<readonly string[]>
}

/** Where `npm run e2e` puts links to the programs, which only a story needs. */
export function prometheusPrograms({ state }: ClusterLayout): PrometheusPrograms {
  return { prometheus: join(state, 'prometheus'), promtool: join(state, 'promtool') }
}

export async function linkPrometheus(
  layout: ClusterLayout,
  programs: PrometheusPrograms,
): Promise<void> {
  const links = prometheusPrograms(layout)
  await symlink(programs.prometheus, links.prometheus)
  await symlink(programs.promtool, links.promtool)
}

const ADDRESS = '127.0.0.1:9090'
const END_MS = 10_000

/**
 * Starts Prometheus in the control plane's network namespace, from where pods are reached, and waits until it is ready. Nothing
 * listens on the machine's own network. It ends when disposed of, and with this process.
 */
export async function startPrometheus(
  layout: ClusterLayout,
  options: { readonly targets: readonly Target[]; readonly rules: string },
): Promise<Prometheus> {
  const { prometheus } = prometheusPrograms(layout)
  if (!existsSync(prometheus)) throw new Error(`no prometheus: link the program to ${prometheus}`)
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'alcove-monitoring-'))
  started.defer(() => rm(directory, { recursive: true }))
  const config = join(directory, 'prometheus.json')
  await writeFile(config, prometheusConfig(options))
  const log = join(directory, 'log')
  const child = await spawnInside(layout, log, prometheus, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${ADDRESS}`,
  ])
  started.defer(() => end(child))
  const ask = (paths: readonly string[]): Promise<readonly string[]> => askInside(layout, paths)
  const answered = async (): Promise<string | undefined> => {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`prometheus ended: ${(await readFile(log, 'utf8')).slice(-2000)}`)
    }
    const [body] = await ask(['/-/ready', '/api/v1/status/buildinfo'])
      .then(([ready, buildInfo]) => (/ is Ready/.test(ready ?? '') ? [buildInfo] : []))
      .catch(() => []) // it does not listen yet
    return body
  }
  const buildInfo = await waitUntil(answered, { what: 'Prometheus to be ready', everyMs: 200 })
  const parts = started.move()
  return {
    version: readBuildInfo(buildInfo),
    ask,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

function inNetwork(layout: ClusterLayout): string {
  return `--net=/run/netns/${namespaceOf(layout, CONTROL_PLANE)}`
}

async function spawnInside(
  layout: ClusterLayout,
  log: string,
  program: string,
  args: readonly string[],
): Promise<ChildProcess> {
  await using file = await open(log, 'a')
  // nsenter and setpriv become the program: the child is it. A story that is killed takes it along.
  const inside = ['--', 'setpriv', '--pdeathsig=KILL', program, ...args]
  const child = spawn('nsenter', [inNetwork(layout), ...inside], {
    cwd: '/',
    stdio: ['ignore', file.fd, file.fd],
  })
  await once(child, 'spawn')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const stop = new AbortController()
  const late = sleep(END_MS, undefined, { signal: stop.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  await ended
  stop.abort()
  await late
}

/** A process cannot enter a network namespace for one request: Node in it asks for all, and prints the answers. */
const ASK = `
const answers = process.argv.slice(1).map(async url => (await fetch(url)).text())
process.stdout.write(JSON.stringify(await Promise.all(answers)))
`

async function askInside(
  layout: ClusterLayout,
  paths: readonly string[],
): Promise<readonly string[]> {
  const urls = paths.map(path => `http://${ADDRESS}${path}`)
  const node = [process.execPath, '--input-type=module', '--eval', ASK, '--', ...urls]
  const answers: readonly string[] = JSON.parse(
    await command('nsenter', [inNetwork(layout), '--', ...node]),
  )
  return answers
}
