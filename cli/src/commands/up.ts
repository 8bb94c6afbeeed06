import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { aborted } from '@alcove/process'
import { Exit } from '../exit.ts'
import { isTrusted } from '../judge.ts'
import { type EmbeddedNode, nodePaths, startNode } from '../node/embedded-node.ts'
import { type EvidenceFiles, type RunResult, runEnclave } from '../node/run-enclave.ts'
import { takeState } from '../node/up-lock.ts'
import { projectRoot } from '../program-root.ts'
import { openState, statePath } from '../state.ts'
import { type CommandDeps, printEvent, printResult } from './run.ts'
import { parseStatus } from './verify.ts'

export interface UpOptions {
  readonly once?: boolean
  readonly state?: string
  readonly size: string
  readonly tcb: string
}

const HELLO = join(projectRoot, 'examples/hello-enclave')
const HELLO_MIB = 10

const SIMULATED = `
  SIMULATED. There is no SGX hardware under this node. Its enclaves are ordinary processes and its
  keys are in ordinary memory and files: they are hidden from nobody who can read your memory or
  your files, root above all. It is for building and trying. Its quotes verify only under its own
  root certificate, which no one else trusts; under Intel's they are refused.
`

/** `alcove up`: a confidential node on this machine, and a first enclave whose quote is verified. */
export async function upCommand(options: UpOptions, deps: CommandDeps): Promise<number> {
  const { print, stop } = deps
  const tcb = parseStatus(options.tcb)
  const state = statePath(options.state)
  await openState(state)
  await using _lock = await takeState(state)
  await rm(nodePaths(state).programs, { recursive: true, force: true })
  print('Alcove: a confidential node on this machine')
  print(SIMULATED)
  await using node = await startNode({
    base: state,
    state,
    program: deps.program,
    environment: deps.environment,
    size: options.size,
    tcb,
    onRestart: (name, how) => {
      if (!stop.aborted) print(`${name} ended (${how}): starting it again`)
    },
    signal: stop,
  })
  printNode(node, state, options, print)
  const result = await hello(node, state, deps)
  const code = printResult(result, print)
  if (result.evidence !== undefined) printFiles(result.evidence.files, print)
  if (options.once) {
    return result.evidence !== undefined && isTrusted(result.evidence.judgement)
      ? code
      : code || Exit.failed
  }
  if (result.evidence !== undefined) printNext(result.evidence.files, options, print)
  print('\nThe node stays up. Ctrl-C ends it and leaves no process behind.')
  await aborted(stop)
  print('\nEnding the node')
  return Exit.ok
}

function printNode(
  node: EmbeddedNode,
  state: string,
  options: UpOptions,
  print: (text: string) => void,
): void {
  const { allocatable, capacity } = node.epc
  const pids = Object.entries(node.pids()).map(([name, pid]) => `${name} ${pid}`)
  print(`  state              ${state}`)
  print(`  simulated node     ${options.size}, in-kernel driver, TCB status ${options.tcb}`)
  print(`  processes          ${pids.slice(0, 2).join(', ')},`)
  print(`                     ${pids.slice(2).join(', ')}`)
  print(`  AESM socket        ${node.paths.aesmSocket}`)
  print(`  EPC advertised     ${allocatable} of ${capacity} MiB (${EPC_RESOURCE})`)
}

async function hello(node: EmbeddedNode, state: string, deps: CommandDeps): Promise<RunResult> {
  deps.print(`\nexamples/hello-enclave runs with an EPC limit of ${HELLO_MIB} MiB:`)
  return runEnclave(HELLO, HELLO_MIB, {
    paths: node.paths,
    out: join(state, 'out'),
    environment: deps.environment,
    now: deps.now,
    onEvent: event => printEvent(event, deps.print),
    signal: deps.stop,
  })
}

function printFiles(files: EvidenceFiles, print: (text: string) => void): void {
  print('\nFor a relying party:')
  print(`  quote              ${files.quote}`)
  print(`  collateral         ${files.collateral}`)
  print(`  root certificate   ${files.root}`)
}

/** The next commands, whole and ready to paste. */
function printNext(files: EvidenceFiles, options: UpOptions, print: (text: string) => void): void {
  const state = options.state === undefined ? '' : ` --state ${options.state}`
  const real = 'vectors/sgx-v3-phala'
  const next: readonly [comment: string, command: string][] = [
    [
      'verify that quote again',
      `npx alcove verify ${files.quote} --collateral ${files.collateral} --root ${files.root}`,
    ],
    [
      'verify a real, Intel-signed one with collateral of its time',
      `npx alcove verify ${real}/quote.bin --collateral ${real}/collateral.json --at 2025-07-04T10:28:44Z --accept ConfigurationAndSWHardeningNeeded`,
    ],
    ['another enclave, with 40 MiB', `npx alcove run examples/attested-key --epc 40${state}`],
    ['more EPC than is left: refused', `npx alcove run examples/hello-enclave --epc 64${state}`],
    [
      'on a platform whose TCB is out of date: its quote verifies, the policy refuses it',
      `npx alcove run examples/hello-enclave --tcb OutOfDate${state}`,
    ],
  ]
  const here = relative(process.cwd(), projectRoot)
  print(`\nNext, in another terminal${here === '' ? '' : `, in ${projectRoot}`}:`)
  for (const [comment, command] of next) print(`\n  # ${comment}\n  ${command}`)
}
