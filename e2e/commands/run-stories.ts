import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type EpcMode, installAlcove } from '../alcove/install.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import { command } from '../cluster/command.ts'
import { takeDown } from '../cluster/down.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import { dc2sV2, dc8V2, plain } from '../cluster/node-spec.ts'
import { linkPrometheus } from '../monitoring/prometheus.ts'
import { metricsServerProgram } from '../stories/metrics-server.ts'
import { WORLD_EPC_MODE, WORLD_HOME, WORLD_NAME, WORLD_TIMES } from '../stories/world.ts'
import { lockCluster, openCluster } from './open-cluster.ts'
import { type CommandDeps, prepare } from './prepare.ts'

export interface RunStoriesOptions {
  readonly layout: ClusterLayout
  readonly kubernetes: string
  /** Names of stories; empty for all of CI's. */
  readonly stories: readonly string[]
  readonly times?: string
  readonly keep: boolean
  readonly install: boolean
}

const STORIES = join(import.meta.dirname, '../stories')
const SUFFIX = '.story.ts'
/** The story that asks Prometheus. */
const MONITORING = 'bytes-monitoring'
/** By command only: they take long, or need a node of their own. */
const BY_COMMAND: readonly string[] = ['many-devices']

/** What a cluster has to be like before some of the stories run. */
interface Chapter {
  readonly belongs: (story: string) => boolean
  /** How EPC is offered; `undefined`: the stories begin on a cluster without Alcove, and leave one with it in `bytes`. */
  readonly epcMode: EpcMode | undefined
}

/** In this order. */
const CHAPTERS: readonly Chapter[] = [
  { belongs: story => story === 'install', epcMode: undefined },
  { belongs: story => story.startsWith('bytes-'), epcMode: 'bytes' },
  { belongs: story => !/^(install|uninstall|bytes-.*)$/.test(story), epcMode: 'devices' },
  // takes Alcove from the cluster
  { belongs: story => story === 'uninstall', epcMode: 'bytes' },
]

/** `npm run e2e`: the stories, one after another, on a fresh cluster. Answers the exit code. */
export async function runStories(options: RunStoriesOptions, deps: CommandDeps): Promise<number> {
  const { layout, kubernetes, keep, install } = options
  const stories = await storiesOf(options.stories)
  const prometheus = stories.includes(MONITORING)
  const wanted = ['metrics-server', 'helm'] as const
  const parts = await prepare({ kubernetes, wanted, prometheus, install }, deps)
  await using _lock = await lockCluster(layout, deps)
  try {
    await openCluster({ layout, nodes: [dc2sV2, dc8V2, plain], parts, bare: true }, deps)
    await symlink(parts.metricsServer ?? '', metricsServerProgram(layout))
    if (parts.prometheus !== undefined) await linkPrometheus(layout, parts.prometheus)
    const exitCode = await runChapters(stories, options, deps)
    if (exitCode !== 0) await tellState(layout, deps)
    return exitCode
  } finally {
    if (keep) deps.print(`the cluster is left up: ${layout.kubectl}`)
    else await takeDown(layout)
  }
}

async function storiesOf(stories: readonly string[]): Promise<readonly string[]> {
  const all = (await readdir(STORIES))
    .filter(name => name.endsWith(SUFFIX))
    .map(name => name.slice(0, -SUFFIX.length))
    .toSorted()
  const unknown = stories.filter(story => !all.includes(story))
  if (unknown.length > 0) {
    throw new ClusterError(
      'ERR_CLUSTER_NAME',
      `no story '${unknown[0]}': there are ${all.join(', ')}`,
    )
  }
  return stories.length > 0 ? stories : all.filter(story => !BY_COMMAND.includes(story))
}

/** Runs every chapter, whatever came of those before it. Answers the first exit code that is not 0. */
async function runChapters(
  stories: readonly string[],
  options: RunStoriesOptions,
  deps: CommandDeps,
): Promise<number> {
  let worst = 0
  for (const { belongs, epcMode } of CHAPTERS) {
    const files = stories.filter(belongs).map(story => join(STORIES, story + SUFFIX))
    if (files.length === 0) continue
    deps.signal.throwIfAborted()
    if (epcMode !== undefined) {
      // discovery's processes and rights belong to the stories about EPC in bytes
      await installAlcove(options.layout, epcMode, [`discovery.enabled=${epcMode === 'bytes'}`])
      deps.print(`Alcove ready, EPC in ${epcMode}`)
    }
    const exitCode = await runFiles(files, { ...options, epcMode: epcMode ?? 'bytes' }, deps)
    if (worst === 0) worst = exitCode
  }
  return worst
}

async function runFiles(
  files: readonly string[],
  { layout, times, epcMode }: RunStoriesOptions & { readonly epcMode: EpcMode },
  { environment, signal }: CommandDeps,
): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...environment,
        [WORLD_HOME]: dirname(layout.state),
        [WORLD_NAME]: layout.name,
        [WORLD_EPC_MODE]: epcMode,
        ...(times !== undefined && { [WORLD_TIMES]: times }),
      },
    },
  )
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true })
  const [exitCode] = await once(child, 'exit')
  return exitCode ?? 1
}

/** What somebody wants to see who has only the log of a failed run. */
async function tellState({ kubectl }: ClusterLayout, { print }: CommandDeps): Promise<void> {
  const asked = [
    ['get', 'pods', '-A', '-o', 'wide'],
    ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
    [
      '-n',
      'alcove-system',
      'logs',
      '-l',
      'app.kubernetes.io/part-of=alcove',
      '--prefix',
      '--tail=30',
    ],
  ]
  for (const args of asked) {
    print(`\nkubectl ${args.join(' ')}`)
    print(await command(kubectl, args).catch((error: unknown) => String(error)))
  }
}
