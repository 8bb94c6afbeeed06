// The one program: commands for a person, and the roles that a cluster runs. Composition root: with the commands'
// deps, the only place that touches the terminal, the clock and the environment.
// Over 300 lines: every command with its options, in the order in which help lists them.
import { jsonLog, stopSignal } from '@alcove/process'
import { Argument, Command, CommanderError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { type CompletedCommand, completionScript, type Shell, shells } from './completion.ts'
import { Exit, errorJson, errorText, exitCodeOf, UsageError } from './exit.ts'
import { INSPECT_HELP } from './inspect/inspect-help.ts'
import { kindNames } from './inspect/kind-names.ts'
import { jsonText } from './plain-text.ts'
import {
  DEVICE_PLUGIN_SETTINGS,
  DISCOVERY_SETTINGS,
  QUOTE_HELPER_SETTINGS,
} from './role-settings.ts'
import { VERIFY_HELP } from './verify-help.ts'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const environment = Object.fromEntries(
  ['PATH', 'HOME', 'NODE_COMPILE_CACHE'].flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }),
)
/** Only commands that wait listen for signals; any other one ends by them as a process does. */
const commandDeps = () => ({
  print,
  now: () => new Date(),
  stop: stopSignal(process),
  environment,
  program: import.meta.filename,
})
const roleDeps = (name: string) => ({
  environment: process.env,
  log: jsonLog(name, { write: line => tellLine(line) }),
  stop: stopSignal(process),
  version: manifest.version,
})

/** Who reads a pipe may have enough of it: that changes nothing about the exit code. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

/** A role's log line goes to its output, and to the `up` that supervises it. */
function tellLine(line: string): void {
  process.stdout.write(line)
  if (process.connected) process.send?.(JSON.parse(line))
}

/** Exit code of the command that ran; set by its action. */
let exitCode: number = Exit.ok

const program = new Command('alcove')
  .description('Confidential nodes: SGX machines for Kubernetes, and on a laptop without SGX')
  .version(manifest.version, '--version')
  .option('--verbose', 'print the whole error with its stack')
  .configureOutput({ writeErr: () => undefined }) // what is wrong is told in one place, below
  .exitOverride()

const outputOption = new Option('--output <form>', 'what to print')
  .choices(['text', 'json'])
  .default('text')
const stateOption = new Option(
  '--state <directory>',
  'where the node’s state lives (default: ~/.alcove)',
).env('ALCOVE_STATE')

/** How commands that ask a cluster reach it. */
const kubectlOptions = [
  new Option('--kubectl <file>', 'the kubectl that asks the cluster (default: of PATH)'),
  new Option('--context <name>', 'context of the kubeconfig'),
  new Option('--kubeconfig <file>', 'kubeconfig in place of kubectl’s own'),
]
const clusterDeps = { print, environment: process.env }

program
  .command('up')
  .description('start a simulated confidential node here, run a first enclave, verify its quote')
  .option('--once', 'exit after the first enclave: 0 only if its quote was accepted')
  .option('--size <size>', 'Azure size whose EPC the node has', 'DC2s_v2')
  .option('--os <system>', 'in-kernel driver, or Ubuntu 18.04 with dcap-1.33', 'in-kernel')
  .option('--nodes <count>', 'that many nodes, of different kinds; some cannot serve', '1')
  .option('--tcb <status>', 'TCB status of the simulated platform', 'UpToDate')
  .addOption(stateOption)
  .addOption(outputOption)
  .action(async options => {
    const { upCommand } = await import('./commands/up.ts')
    exitCode = await upCommand(options, commandDeps())
  })

program
  .command('run')
  .description('run an enclave program on the node that is up, and verify the quote it leaves')
  .argument('<folder>', 'folder with the program’s enclave.json')
  .option('--epc <MiB>', 'EPC limit; 0 asks for none', '10')
  .option('--node <name>', 'which of several nodes, such as node2')
  .option('--tcb <status>', 'run on a second simulated platform, with this TCB status')
  .option('--accept <statuses>', 'TCB statuses to accept beside UpToDate, with commas between')
  .addOption(stateOption)
  .addOption(outputOption)
  .action(async (folder, options) => {
    const { runCommand } = await import('./commands/run.ts')
    exitCode = await runCommand(folder, options, commandDeps())
  })

program
  .command('status')
  .description(
    'the nodes that are up, or those of a cluster: their EPC, who holds it, and what is wrong',
  )
  .option('--cluster', 'ask a Kubernetes cluster, through kubectl: exit code 3 if things are wrong')
  .addOption(stateOption)
  .addOption(outputOption)
  .action(async options => {
    const { clusterStatusCommand, expectNoKubectl } = await import('./commands/cluster-status.ts')
    if (options.cluster === true) {
      exitCode = await clusterStatusCommand(options, clusterDeps)
      return
    }
    expectNoKubectl(options, '--cluster')
    const { statusCommand } = await import('./commands/status.ts')
    exitCode = await statusCommand(options, { print })
  })

program
  .command('verify')
  .description('decide whether to believe quotes: exit code 0 accepted, 3 refused')
  .argument('<quote...>', 'files with a quote each, raw or in hex or base64; - is standard input')
  .option('--collateral <file>', 'TCB info, QE identity and CRLs as one JSON file')
  .option('--policy <file>', 'what is asked of a quote, as a JSON file; flags go on top of it')
  .option('--root <pem>', 'root certificate to trust in place of Intel’s')
  .option('--at <time>', 'judge as of this time, such as 2025-07-04T10:28:44Z (default: now)')
  .option(
    '--accept <statuses>',
    'TCB statuses to accept beside UpToDate, or beside the policy’s, with commas between',
  )
  .option('--mrenclave <hex>', 'accept only these MRENCLAVEs, with commas between')
  .option('--mrsigner <hex>', 'accept only enclaves of these MRSIGNERs, with commas between')
  .option('--allow-expired', 'accept collateral and certificates that have expired')
  .option('--allow-debug', 'accept enclaves and TDs in debug mode, whose memory can be read')
  .option(
    '--explain',
    'the whole story: every check, SVN, level, advisory and claim, and what would help',
  )
  .addOption(outputOption)
  .addHelpText('after', VERIFY_HELP)
  .action(async (quotes, options) => {
    const { verifyCommand } = await import('./commands/verify.ts')
    const { progressOn } = await import('./progress.ts')
    // Lines that appear are progress enough.
    const isQuiet = options.output === 'json' || !process.stdout.isTTY
    const progress = progressOn(isQuiet ? process.stderr : { write: print }, 'quotes', () =>
      performance.now(),
    )
    const deps = { now: new Date(), print, stdin: process.stdin, progress }
    exitCode = await verifyCommand(quotes, options, deps)
  })

program
  .command('inspect')
  .description(
    'print every field of a quote, certificate, CRL, collateral, SIGSTRUCT or other structure',
  )
  .argument('<file...>', 'files, raw or in hex, base64 or PEM; - is standard input')
  .addOption(
    new Option('--as <kind>', 'what the files are (default: as their content says)').choices(
      kindNames,
    ),
  )
  .addOption(outputOption)
  .addHelpText('after', INSPECT_HELP)
  .action(async (files, options) => {
    const { inspectCommand } = await import('./commands/inspect.ts')
    const complain = (text: string) => void process.stderr.write(`alcove: ${text}\n`)
    exitCode = await inspectCommand(files, options, { print, complain, stdin: process.stdin })
  })

program
  .command('doctor')
  .description(
    'what this node has of SGX, what is missing and what to do: exit code 0 capable, 3 not',
  )
  .option('--simulated-root <directory>', 'ask a simulated node’s root instead of this machine')
  .option('--host-root <directory>', 'where the node’s file system is mounted (default: /)')
  .option('--node <name>', 'what is known of a cluster’s node, through kubectl')
  .addOption(outputOption)
  .action(async options => {
    const { doctorCommand } = await import('./commands/doctor.ts')
    exitCode = await doctorCommand(options, clusterDeps)
  })

program
  .command('sweep')
  .description(
    'in a pod of the cluster, after Alcove has gone: remove what it wrote on any Node; exit code 1 if something is left',
  )
  .option('--timeout <seconds>', 'how long to wait for kubelets to give up what they count', '540')
  .addOption(
    new Option('--startup-taint <key>', 'key of the startup taint')
      .env('SWEEP_STARTUP_TAINT')
      .default('startup-taint.cluster-autoscaler.kubernetes.io/sgx'),
  )
  .option(
    '--remove-rights <name>',
    'ServiceAccount, ClusterRole and ClusterRoleBinding to remove once nothing is left',
  )
  .option('--namespace <name>', 'of that ServiceAccount')
  .addOption(outputOption)
  .action(async options => {
    const { sweepCommand } = await import('./commands/sweep.ts')
    const { clusterApi } = await import('./cluster-api.ts')
    const { stop } = commandDeps()
    exitCode = await sweepCommand(options, { api: clusterApi(process.env), print, stop })
  })

program
  .command('sim')
  .description(
    'the simulated platforms: publish a TCB recovery, provision a node anew, show where they stand; for a cluster of them print the chart’s values with their keys, or the keys’ Secret, and for its verifiers the root certificate and collateral',
  )
  .addArgument(
    new Argument('<action>', 'what to do').choices([
      'recover',
      'provision',
      'status',
      'values',
      'secret',
      'root',
      'collateral',
    ]),
  )
  .option('--node <name>', 'the one platform to provision or show; all of them unless told')
  .option('--namespace <name>', 'of the Secret', 'alcove-system')
  .option('--name <name>', 'of the Secret', 'alcove-simulator')
  .addOption(stateOption)
  .addOption(outputOption)
  .action(async (action, options) => {
    const { simCommand } = await import('./commands/sim.ts')
    exitCode = await simCommand(action, options, { print })
  })

program
  .command('device-plugin')
  .description('role: offer this node’s EPC and enclave device to the kubelet')
  .addHelpText('after', DEVICE_PLUGIN_SETTINGS)
  .action(async () => {
    const { runDevicePlugin } = await import('@alcove/device-plugin')
    await runDevicePlugin(roleDeps('device-plugin'))
  })

program
  .command('quote-helper')
  .description('role: make quotes for every enclave on this node, over AESM')
  .addHelpText('after', QUOTE_HELPER_SETTINGS)
  .action(async () => {
    const { runQuoteHelper } = await import('@alcove/quote-helper')
    await runQuoteHelper(roleDeps('quote-helper'))
  })

program
  .command('discovery')
  .description(
    'role: label this node if it can serve enclaves, and say on its Node what is missing',
  )
  .addHelpText('after', DISCOVERY_SETTINGS)
  .action(async () => {
    const { runDiscovery } = await import('@alcove/discovery')
    await runDiscovery(roleDeps('discovery'))
  })

program
  .command('simulated-node')
  .description('role: the simulated SGX hardware that `up` starts')
  .requiredOption('--root <directory>', 'the simulated node’s root')
  .requiredOption('--state <directory>', 'the state directory, which has the seed of its keys')
  .option(
    '--platform <id>',
    'which of the state’s platforms it is: each has keys of its own',
    'node1',
  )
  .option('--tcb <status>', 'TCB status of the platform', 'UpToDate')
  .action(async options => {
    const { simulatedNodeCommand } = await import('./commands/simulated-node.ts')
    await simulatedNodeCommand(options, roleDeps('simulated-node'))
  })

program
  .command('simulator')
  .description('role: the simulated SGX platform of a cluster’s node')
  .requiredOption('--keys <directory>', 'where the Secret of alcove sim secret is mounted')
  .requiredOption('--node <name>', 'the node’s name: each node has keys of its own')
  .option('--host-root <directory>', 'where the node’s file system is mounted (default: /)')
  .option('--directory <directory>', 'where it is served', '/run/alcove-simulator')
  .option('--tcb <status>', 'TCB status of the platform', 'UpToDate')
  .action(async options => {
    const { simulatorCommand } = await import('./commands/simulator.ts')
    await simulatorCommand(options, roleDeps('simulator'))
  })

program
  .command('prepare-directory')
  .description('role: hand directories of the node over to this process’s group, before a daemon')
  .argument('<directory...>', 'directories; made where they are not there')
  .action(async directories => {
    const { prepareDirectoryCommand } = await import('./commands/prepare-directory.ts')
    const { log } = roleDeps('prepare-directory')
    await prepareDirectoryCommand(directories, { log, gid: process.getgid?.() ?? 0 })
  })

program
  .command('stand-in-kubelet')
  .description('role: stand in for a kubelet on the node that `up` starts')
  .requiredOption('--directory <directory>', 'directory of the device plugins’ sockets')
  .requiredOption('--control <socket>', 'where `run` reaches it')
  .requiredOption('--programs <directory>', 'where programs are laid out')
  .action(async options => {
    const { standInKubeletCommand } = await import('./commands/stand-in-kubelet.ts')
    await standInKubeletCommand(options, roleDeps('stand-in-kubelet'))
  })

program
  .command('completion')
  .description('print a script that completes alcove in a shell')
  .addArgument(new Argument('<shell>', 'which shell').choices(shells))
  .action(async (shell: Shell) => {
    const { levelStatuses, tcbStatuses } = await import('@alcove/dcap')
    const { nodeSizes } = await import('@alcove/simulator')
    const { systems } = await import('./node/node-kind.ts')
    const values = {
      '--tcb': levelStatuses,
      '--accept': tcbStatuses,
      '--os': systems,
      '--size': nodeSizes.map(({ name }) => name),
    }
    print(
      completionScript(
        shell,
        program.commands.map(command => completed(command, values)),
      ).trimEnd(),
    )
  })

for (const command of program.commands) {
  command.exitOverride()
  if (!['status', 'doctor'].includes(command.name())) continue
  for (const option of kubectlOptions) command.addOption(option)
}

/** @param values of options that accept more than they offer */
function completed(
  command: Command,
  values: Readonly<Record<string, readonly string[]>>,
): CompletedCommand {
  return {
    name: command.name(),
    description: command.description(),
    options: command.options.map(option => {
      const words = option.argChoices ?? values[option.long ?? '']
      const named = /<(directory|file|pem|socket)>/.test(option.flags) ? 'file' : 'free'
      const value = option.required || option.optional ? (words ?? named) : undefined
      return { flag: option.long ?? option.flags, description: option.description, value }
    }),
    argument: command.registeredArguments.map(({ argChoices }) => argChoices ?? 'file').at(0),
    repeats: command.registeredArguments.some(({ variadic }) => variadic),
  }
}

try {
  await program.parseAsync()
  process.exitCode = exitCode
} catch (error) {
  process.exitCode = failed(error)
}

/** As a shell says it of a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130

function failed(error: unknown): number {
  if (typeof error === 'string') return ENDED_BY_SIGNAL // the stop signal's reason: this was asked for
  const isCommander = error instanceof CommanderError
  if (isCommander && error.exitCode === 0) return Exit.ok // --help, --version
  if (isCommander && error.code === 'commander.help') {
    process.stderr.write(program.helpInformation())
    return Exit.usage
  }
  const told = isCommander ? new UsageError(usageText(error)) : error
  if (asksForJson(process.argv)) print(jsonText(errorJson(told)))
  else process.stderr.write(`alcove: ${errorText(told, program.opts()['verbose'] === true)}\n`)
  return exitCodeOf(told)
}

function usageText({ message }: CommanderError): string {
  return `${message.replace(/^error: /, '').replaceAll(/\s*\n/g, ' ')}; alcove COMMAND --help says more`
}

/** Whether the last `--output` of a command line, which may not have been parsed, is `json`. */
function asksForJson(words: readonly string[]): boolean {
  const asked = words.flatMap((word, index) => {
    if (word === '--output') return [words[index + 1]]
    return word.startsWith('--output=') ? [word.slice('--output='.length)] : []
  })
  return asked.at(-1) === 'json'
}
