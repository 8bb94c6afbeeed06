import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { aborted } from '@alcove/process'
import { nodeSize, SimulatedNodeError } from '@alcove/simulator'
import { Exit, UsageError } from '../exit.ts'
import { type EmbeddedNode, startNode } from '../node/embedded-node.ts'
import { mostNodes, type NodeKind, nodeKinds, systems } from '../node/node-kind.ts'
import { nodePaths } from '../node/node-paths.ts'
import { removeLeftovers } from '../node/own-node.ts'
import { type EvidenceFiles, type RunResult, runEnclave } from '../node/run-enclave.ts'
import { takeState, type UpNode } from '../node/up-status.ts'
import { jsonText } from '../plain-text.ts'
import { parseLevelStatus } from '../policy-options.ts'
import { projectRoot } from '../program-root.ts'
import { openState, statePath } from '../state.ts'
import { wrapped } from '../wrap.ts'
import { type CommandDeps, printEvent, printResult, resultJson } from './run.ts'

export interface UpOptions {
  readonly once?: boolean
  readonly state?: string
  readonly size: string
  readonly os: string
  readonly nodes: string
  readonly tcb: string
  readonly output: string
}

const HELLO = join(projectRoot, 'examples/hello-enclave')
const HELLO_MIB = 10

const SIMULATED = `
  SIMULATED. There is no SGX hardware under this node. Its enclaves are ordinary
  processes and its keys are in ordinary memory and files: they are hidden from
  nobody who can read your memory or your files, root above all. It is for
  building and trying. Its quotes verify only under its own root certificate,
  which no one else trusts; under Intel's they are refused.
`

/** `alcove up`: confidential nodes on this machine, and a first enclave whose quote is verified. */
export async function upCommand(options: UpOptions, terminal: CommandDeps): Promise<number> {
  const isJson = options.output === 'json'
  const deps = isJson ? { ...terminal, print: () => undefined } : terminal
  const { print, stop } = deps
  const kinds = kindsOf(options)
  const state = statePath(options.state)
  await openState(state)
  const nodes: EmbeddedNode[] = []
  await using _lock = await takeState(state, () => ({
    pid: process.pid,
    nodes: nodes.map(statusOf),
  }))
  print(
    `Alcove: ${kinds.length === 1 ? 'a confidential node' : `${kinds.length} nodes`} on this machine`,
  )
  print(SIMULATED)
  print(`  state              ${state}`)
  await removeLeftovers(state)
  await using running = new AsyncDisposableStack()
  for (const kind of kinds) {
    const base = kind.name === 'node1' ? state : join(state, kind.name)
    await rm(nodePaths(base).programs, { recursive: true, force: true })
    const onRestart = (role: string, how: string): void => {
      if (!stop.aborted) print(`${kind.name}: ${role} ended (${how}), starting it again`)
    }
    const { program, environment } = deps
    const node = await startNode({
      kind,
      base,
      state,
      program,
      environment,
      onRestart,
      signal: stop,
    })
    nodes.push(running.use(node))
    printNode(node, print)
  }
  const { code, result } = await firstEnclave(nodes, state, options, deps)
  if (isJson) {
    const told = {
      state,
      simulated: true,
      nodes: nodes.map(statusOf),
      ...(result && { run: resultJson(result) }),
    }
    terminal.print(jsonText(told))
  }
  if (options.once) return code
  print(
    `\nThe ${nodes.length === 1 ? 'node stays' : 'nodes stay'} up. Ctrl-C ends ${nodes.length === 1 ? 'it' : 'them'} and leaves no process behind.`,
  )
  await aborted(stop)
  print('\nEnding the node')
  return Exit.ok
}

/** Runs hello-enclave on the first node that offers EPC; the exit code is 0 only if its quote was accepted. */
async function firstEnclave(
  nodes: readonly EmbeddedNode[],
  state: string,
  options: UpOptions,
  deps: CommandDeps,
): Promise<{ code: number; result?: RunResult }> {
  const { print } = deps
  const node = nodes.find(({ offer }) => 'epc' in offer)
  if (node === undefined) {
    print('\nNo node offers EPC, so no enclave is run.')
    return { code: Exit.failed }
  }
  const result = await hello(node, state, deps)
  const code = printResult(result, print)
  const { evidence } = result
  if (evidence === undefined) return { code: Exit.failed, result }
  printFiles(evidence.files, print)
  if (!options.once) printNext(evidence.files, options, mostFree(nodes), print)
  return { code, result }
}

function kindsOf(options: UpOptions): readonly NodeKind[] {
  const os = systems.find(system => system === options.os)
  if (os === undefined) {
    throw new UsageError(`--os '${options.os}': want one of ${systems.join(', ')}`)
  }
  const count = /^\d{1,2}$/.test(options.nodes) ? Number(options.nodes) : 0
  if (count < 1 || count > mostNodes) {
    throw new UsageError(`--nodes '${options.nodes}': want a number from 1 to ${mostNodes}`)
  }
  return nodeKinds(count, { size: parseSize(options.size), os, tcb: parseLevelStatus(options.tcb) })
}

function parseSize(text: string): string {
  try {
    return nodeSize(text).name
  } catch (error) {
    throw error instanceof SimulatedNodeError ? new UsageError(`--size: ${error.message}`) : error
  }
}

function statusOf({ kind, paths, offer, quotes }: EmbeddedNode): UpNode {
  const { name, size, os, tcb } = kind
  const refusal = 'refusal' in offer ? offer.refusal : null
  return { name, base: paths.base, size, os, tcb, refusal, quotes }
}

function printNode(
  { kind, paths, offer, pids }: EmbeddedNode,
  print: (text: string) => void,
): void {
  const sections = kind.numaNodes === 1 ? '' : `, EPC on ${kind.numaNodes} NUMA nodes`
  print(`\n${kind.name}: ${kind.size}, ${kind.os} driver${sections}, TCB status ${kind.tcb}`)
  const ids = Object.entries(pids()).map(([name, pid]) => `${name} ${pid}`)
  print(`  processes          ${ids.slice(0, 2).join(', ')}${ids.length > 2 ? ',' : ''}`)
  if (ids.length > 2) print(`                     ${ids.slice(2).join(', ')}`)
  if ('refusal' in offer) {
    print('  EPC advertised     none:')
    print(wrapped(offer.refusal, '    '))
    return
  }
  print(`  AESM socket        ${paths.aesmSocket}`)
  print(
    `  EPC advertised     ${offer.epc.allocatable} of ${offer.epc.capacity} MiB (${EPC_RESOURCE})`,
  )
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

/** The EPC of the largest node, in MiB. */
function mostFree(nodes: readonly EmbeddedNode[]): number {
  return Math.max(...nodes.map(({ offer }) => ('epc' in offer ? offer.epc.allocatable : 0)))
}

/** The next commands, whole and ready to paste. */
function printNext(
  files: EvidenceFiles,
  options: UpOptions,
  mostMiB: number,
  print: (text: string) => void,
): void {
  const state = options.state === undefined ? '' : ` --state ${shellWord(resolve(options.state))}`
  const real = 'vectors/sgx-v3-phala'
  const next: readonly [comment: string, command: string][] = [
    [
      'verify that quote again',
      `npx alcove verify ${shellWord(files.quote)} --collateral ${shellWord(files.collateral)} --root ${shellWord(files.root)}`,
    ],
    [
      'verify a real, Intel-signed one with collateral of its time',
      `npx alcove verify ${real}/quote.bin --collateral ${real}/collateral.json --at 2025-07-04T10:28:44Z --accept ConfigurationAndSWHardeningNeeded`,
    ],
    [
      'another enclave',
      `npx alcove run examples/attested-key --epc ${Math.min(40, mostMiB)}${state}`,
    ],
    [
      'more EPC than is left: refused',
      `npx alcove run examples/hello-enclave --epc ${mostMiB + 8}${state}`,
    ],
    [
      'on a platform whose TCB is out of date: its quote verifies, the policy refuses it',
      `npx alcove run examples/hello-enclave --tcb OutOfDate${state}`,
    ],
  ]
  print(`\nNext, in another terminal:\n\n  cd ${shellWord(projectRoot)}`)
  for (const [comment, command] of next) print(`\n  # ${comment}\n  ${command}`)
}

/** A word that a shell takes as it is, quoted where need be. */
function shellWord(text: string): string {
  return /^[\w./+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
