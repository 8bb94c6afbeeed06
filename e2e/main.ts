// `npm run cluster` and `npm run e2e`. Composition root: the only place that touches the terminal and the environment.
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { CodedError } from '@alcove/bytes'
import { stopSignal } from '@alcove/process'
import { Command, CommanderError, Option } from 'commander'
import { clusterLayout } from './cluster/layout.ts'

const home = resolve(
  process.env['XDG_STATE_HOME'] ?? resolve(homedir(), '.local/state'),
  'alcove/e2e',
)
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const deps = () => ({ environment: process.env, print, signal: stopSignal(process), home })
let exitCode = 0

const KUBERNETES = '1.37.2'
const kubernetes = new Option(
  '--kubernetes <version>',
  'release to run; 1.37.2 and 1.35.4 are pinned by a go.sum, others are not',
).default(KUBERNETES)
const nameOption = (value: string): Option =>
  new Option('--name <name>', 'which cluster, where there are several').default(value)
const install = new Option(
  '--install',
  'install what this machine lacks, by apt-get (in CI this is done without asking)',
).default(false)

const program = new Command('e2e')
  .description('a real Kubernetes on one machine, in namespaces of its own')
  .configureOutput({ writeErr: () => undefined })
  .exitOverride()

const cluster = program
  .command('cluster')
  .description('npm run cluster -- COMMAND: bring the cluster up, look at it, take it down')

cluster
  .command('up', { isDefault: true })
  .description('bring a cluster up anew and leave it up; what was there under its name goes')
  .addOption(nameOption('alcove'))
  .addOption(kubernetes)
  .option('--nodes <names>', 'of sgx-a, sgx-b, plain, with commas between', 'sgx-a,sgx-b,plain')
  .option('--bare', 'without Alcove: an empty cluster', false)
  .addOption(install)
  .action(async options => {
    const { clusterUp } = await import('./commands/cluster-up.ts')
    await clusterUp({ ...options, layout: clusterLayout(options.name, home) }, deps())
  })

cluster
  .command('down')
  .description('take a cluster down, whole or what a killed run left of it')
  .addOption(nameOption('alcove'))
  .action(async options => {
    const { takeDown } = await import('./cluster/down.ts')
    await takeDown(clusterLayout(options.name, home))
    print(`cluster ${options.name} is down`)
  })

cluster
  .command('status')
  .description('the clusters of this machine: exit code 0 where one is up, 3 where none is')
  .addOption(
    new Option('--output <form>', 'what to print').choices(['text', 'json']).default('text'),
  )
  .action(async options => {
    const { clusterStatus } = await import('./commands/cluster-status.ts')
    exitCode = await clusterStatus({ home, output: options.output }, { print })
  })

cluster
  .command('prune')
  .description('delete what was built for other releases')
  .addOption(kubernetes)
  .action(async options => {
    const { prune } = await import('./commands/prune.ts')
    await prune(options.kubernetes, deps())
  })

program
  .command('test')
  .description('npm run e2e: the stories, on a fresh cluster that is taken down after them')
  .argument('[stories...]', 'names of stories, such as restarts; all of CI’s unless told')
  .addOption(nameOption('e2e'))
  .addOption(kubernetes)
  .option('--times <count>', 'how often a story does what it does many times, such as restarts')
  .option('--keep', 'leave the cluster up', false)
  .addOption(install)
  .action(async (stories, options) => {
    const { runStories } = await import('./commands/run-stories.ts')
    exitCode = await runStories(
      { ...options, stories, layout: clusterLayout(options.name, home) },
      deps(),
    )
  })

for (const command of [...program.commands, ...cluster.commands]) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  exitCode = failed(error)
}
process.exitCode = exitCode

/** As a shell says it of a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130
const USAGE = 2

function failed(error: unknown): number {
  if (typeof error === 'string') return ENDED_BY_SIGNAL // the stop signal's reason
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    process.stderr.write(`${error.message}\n`)
    return USAGE
  }
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof CodedError ? ` (${error.code})` : ''
  process.stderr.write(`${message}${code}\n`)
  return 1
}
