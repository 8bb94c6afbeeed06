// `npm run cluster` and `npm run e2e`. Composition root: the only place that touches the terminal and the environment.
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { CodedError } from '@alcove/bytes'
import { stopSignal } from '@alcove/process'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { clusterLayout } from './cluster/layout.ts'

const home = resolve(
  process.env['XDG_STATE_HOME'] ?? resolve(homedir(), '.local/state'),
  'alcove/e2e',
)
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const deps = () => ({ environment: process.env, print, signal: stopSignal(process), home })
let exitCode = 0

/** As a shell says it of a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130
const USAGE = 2

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

function countOf(text: string): string {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('want 1 to 99999.')
  return text
}

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
    const { clusterDown } = await import('./commands/cluster-down.ts')
    await clusterDown(clusterLayout(options.name, home), deps())
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

program
  .command('test')
  .description('npm run e2e: the stories, on a fresh cluster that is taken down after them')
  .argument('[stories...]', 'names of stories, such as restarts; all of CI’s unless told')
  .addOption(nameOption('e2e'))
  .addOption(kubernetes)
  .addOption(
    new Option(
      '--times <count>',
      'how often a story does what it does many times, such as restarts',
    ).argParser(countOf),
  )
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
