// The one program: commands for a person, and the roles that a cluster runs. Composition root: with the commands'
// deps, the only place that touches the terminal, the clock and the environment.
import { jsonLog, stopSignal } from '@alcove/process'
import { Argument, Command, CommanderError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { type CompletedCommand, completionScript, type Shell, shells } from './completion.ts'
import { Exit, errorText, exitCodeOf } from './exit.ts'
import { errorJson } from './judge.ts'

const stop = stopSignal(process)
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const environment = Object.fromEntries(
  ['PATH', 'HOME', 'NODE_COMPILE_CACHE'].flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }),
)
const commandDeps = {
  print,
  now: () => new Date(),
  stop,
  environment,
  program: import.meta.filename,
}
const roleDeps = (name: string) => ({
  environment: process.env,
  log: jsonLog(name, { write: line => void process.stdout.write(line) }),
  stop,
})

/** Exit code of the command that ran; set by its action. */
let exitCode: number = Exit.ok

const program = new Command('alcove')
  .description('Confidential nodes: SGX machines for Kubernetes, and on a laptop without SGX')
  .version(manifest.version, '--version')
  .option('--verbose', 'print the whole error with its stack')
  .showHelpAfterError('(alcove --help, or alcove COMMAND --help, says more)')
  .exitOverride()

const outputOption = new Option('--output <form>', 'what to print')
  .choices(['text', 'json'])
  .default('text')
const stateOption = new Option(
  '--state <directory>',
  'where the node’s state lives (default: ~/.alcove)',
).env('ALCOVE_STATE')

program
  .command('up')
  .description('start a simulated confidential node here, run a first enclave, verify its quote')
  .option('--once', 'exit after the first enclave: 0 only if its quote was accepted')
  .option('--size <size>', 'Azure size whose EPC the node has', 'DC2s_v2')
  .option('--tcb <status>', 'TCB status of the simulated platform', 'UpToDate')
  .addOption(stateOption)
  .action(async options => {
    const { upCommand } = await import('./commands/up.ts')
    exitCode = await upCommand(options, commandDeps)
  })

program
  .command('run')
  .description('run an enclave program on the node that is up, and verify the quote it leaves')
  .argument('<folder>', 'folder with the program’s enclave.json')
  .option('--epc <MiB>', 'EPC limit; 0 asks for none', '10')
  .option('--tcb <status>', 'run on a second simulated platform, with this TCB status')
  .option('--accept <statuses>', 'TCB statuses to accept beside UpToDate, with commas between')
  .addOption(stateOption)
  .action(async (folder, options) => {
    const { runCommand } = await import('./commands/run.ts')
    exitCode = await runCommand(folder, options, commandDeps)
  })

program
  .command('verify')
  .description('decide whether to believe a quote: exit code 0 accepted, 3 refused')
  .argument('<quote>', 'file with the quote')
  .option('--collateral <file>', 'TCB info, QE identity and CRLs as one JSON file')
  .option('--root <pem>', 'root certificate to trust in place of Intel’s')
  .option('--at <time>', 'judge as of this time, such as 2025-07-04T10:28:44Z (default: now)')
  .option('--accept <statuses>', 'TCB statuses to accept beside UpToDate, with commas between')
  .option('--allow-expired', 'accept collateral and certificates that have expired')
  .option('--allow-debug', 'accept enclaves in debug mode, whose memory can be read')
  .addOption(outputOption)
  .action(async (quote, options) => {
    const { verifyCommand } = await import('./commands/verify.ts')
    exitCode = await verifyCommand(quote, options, { now: new Date(), print })
  })

program
  .command('device-plugin')
  .description(
    'role: offer this node’s EPC and enclave device to the kubelet (settings: DEVICE_PLUGIN_*)',
  )
  .action(async () => {
    const { runDevicePlugin } = await import('@alcove/device-plugin')
    await runDevicePlugin(roleDeps('device-plugin'))
  })

program
  .command('quote-helper')
  .description(
    'role: make quotes for every enclave on this node, over AESM (settings: QUOTE_HELPER_*)',
  )
  .action(async () => {
    const { runQuoteHelper } = await import('@alcove/quote-helper')
    await runQuoteHelper(roleDeps('quote-helper'))
  })

program
  .command('simulated-node')
  .description('role: the simulated SGX hardware that `up` starts')
  .requiredOption('--root <directory>', 'the simulated node’s root')
  .requiredOption('--state <directory>', 'the state directory, which has the seed of its keys')
  .option('--tcb <status>', 'TCB status of the platform', 'UpToDate')
  .action(async options => {
    const { simulatedNodeCommand } = await import('./commands/simulated-node.ts')
    await simulatedNodeCommand(options, roleDeps('simulated-node'))
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
    const { tcbStatuses } = await import('@alcove/dcap')
    const { nodeSizes } = await import('@alcove/simulator')
    const values = {
      '--tcb': tcbStatuses,
      '--accept': tcbStatuses,
      '--size': nodeSizes.map(({ name }) => name),
    }
    print(
      completionScript(
        shell,
        program.commands.map(command => completed(command, values)),
      ).trimEnd(),
    )
  })

for (const command of program.commands) command.exitOverride()

/** @param values of options that accept more than they offer */
function completed(
  command: Command,
  values: Readonly<Record<string, readonly string[]>>,
): CompletedCommand {
  return {
    name: command.name(),
    description: command.description(),
    options: command.options.map(option => ({
      flag: option.long ?? option.flags,
      description: option.description,
      takesValue: option.required || option.optional,
      values: option.argChoices ?? values[option.long ?? ''] ?? [],
    })),
    words: command.registeredArguments.flatMap(argument => argument.argChoices ?? []),
  }
}

try {
  await program.parseAsync()
  process.exitCode = exitCode
} catch (error) {
  process.exitCode = failed(error)
}

function failed(error: unknown): number {
  // commander has printed its own; only --help and --version are no mistakes
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage
  if (
    process.argv.some(
      (word, index) =>
        word === '--output=json' || (word === 'json' && process.argv[index - 1] === '--output'),
    )
  ) {
    print(JSON.stringify(errorJson(error), undefined, 2))
  } else {
    process.stderr.write(`alcove: ${errorText(error, program.opts()['verbose'] === true)}\n`)
  }
  return exitCodeOf(error)
}
