import { join } from 'node:path'
import type { LevelStatus } from '@alcove/dcap'
import type { RunEvent } from '@alcove/kubelet'
import { Exit, UsageError } from '../exit.ts'
import { isTrusted, judgementLines } from '../judge.ts'
import { judgementJson } from '../judgement-json.ts'
import { startNode } from '../node/embedded-node.ts'
import { ownNodeDirectory } from '../node/own-node.ts'
import { placeProgram } from '../node/place.ts'
import { type RunDeps, type RunResult, runEnclave } from '../node/run-enclave.ts'
import { jsonText } from '../plain-text.ts'
import { parseLevelStatus, policyOf } from '../policy-options.ts'
import { openState, statePath } from '../state.ts'

export interface RunOptions {
  readonly epc: string
  readonly tcb?: string
  readonly node?: string
  readonly state?: string
  readonly accept?: string
  readonly output: string
}

export interface CommandDeps {
  readonly print: (text: string) => void
  readonly now: () => Date
  readonly stop: AbortSignal
  /** What started processes get of the environment: a path, a home, a code cache, and nothing else. */
  readonly environment: Readonly<Record<string, string>>
  /** The CLI's entry point, for the processes that a command starts. */
  readonly program: string
}

/** `alcove run FOLDER`: one enclave program on the node that is up, or on one of its own with `--tcb`. */
export async function runCommand(
  folder: string,
  options: RunOptions,
  terminal: CommandDeps,
): Promise<number> {
  const deps = options.output === 'json' ? { ...terminal, print: () => undefined } : terminal
  const epcMiB = parseMiB(options.epc)
  const state = statePath(options.state)
  const policy = policyOf(options.accept === undefined ? {} : { accept: options.accept })
  const run = (paths: RunDeps['paths']): Promise<RunResult> =>
    runEnclave(folder, epcMiB, {
      paths,
      out: join(state, 'out', options.tcb ?? ''),
      policy,
      environment: deps.environment,
      now: deps.now,
      onEvent: event => printEvent(event, deps.print),
      signal: deps.stop,
    })
  const result =
    options.tcb === undefined
      ? await onNodeThatIsUp(state, epcMiB, options.node, deps, run)
      : await onNodeOfItsOwn(state, parseLevelStatus(options.tcb), deps, run)
  if (options.output === 'json') terminal.print(jsonText(resultJson(result)))
  return printResult(result, deps.print)
}

async function onNodeThatIsUp(
  state: string,
  epcMiB: number,
  wanted: string | undefined,
  deps: CommandDeps,
  run: (paths: RunDeps['paths']) => Promise<RunResult>,
): Promise<RunResult> {
  const { name, paths, nodes } = await placeProgram(state, epcMiB, wanted)
  if (nodes > 1) deps.print(`  node               ${name}`)
  return run(paths)
}

/** A second simulated platform under the same root, for as long as `run` takes. */
async function onNodeOfItsOwn(
  state: string,
  tcb: LevelStatus,
  deps: CommandDeps,
  run: (paths: RunDeps['paths']) => Promise<RunResult>,
): Promise<RunResult> {
  await openState(state)
  await using own = await ownNodeDirectory(state)
  deps.print(`Starting a second simulated node, on a platform whose TCB status is ${tcb}`)
  await using node = await startNode({
    kind: { name: 'run', size: 'DC2s_v2', os: 'in-kernel', numaNodes: 1, tcb },
    base: own.path,
    state,
    program: deps.program,
    environment: deps.environment,
    onRestart: (name, how) => deps.print(`${name} ended (${how}): starting it again`),
    signal: deps.stop,
  })
  return await run(node.paths)
}

/** Says what an event of a run means, as it happens. */
export function printEvent(event: RunEvent, print: (text: string) => void): void {
  switch (event.event) {
    case 'admitted': {
      for (const { name, allocatable, allocated } of event.resources) {
        print(`  EPC allocated      ${allocated} of ${allocatable} MiB (${name})`)
      }
      const devices = event.devices.map(({ containerPath }) => containerPath)
      print(
        `  device nodes       ${devices.length === 0 ? 'none: it asked for no EPC' : devices.join(', ')}`,
      )
      const mounts = event.mounts.map(({ containerPath }) => containerPath)
      if (mounts.length > 0) print(`  mounts             ${mounts.join(', ')}`)
      break
    }
    case 'stdout':
    case 'stderr':
      print(event.text.trimEnd().replaceAll(/^/gm, '  | '))
      break
    case 'refused':
    case 'exit':
      break
  }
}

/** Says what became of a run's quote, and gives the run's exit code. */
export function printResult(result: RunResult, print: (text: string) => void): number {
  const { exitCode, evidence } = result
  if (evidence === undefined) {
    print(
      exitCode === 0
        ? '\nThe program ended well. It left no quote (in the file that QUOTE_FILE names), so there is nothing to verify'
        : `\nThe program ended with exit code ${exitCode}`,
    )
    return exitCode === 0 ? Exit.ok : Exit.failed
  }
  print(`  quote              ${evidence.quoteBytes} bytes`)
  print(`  MRENCLAVE  ${evidence.mrEnclave}`)
  print('             measured here from the program’s files: the quote has to name it')
  print('\nVerification, under the simulated root:')
  for (const line of judgementLines(evidence.judgement)) print(line === '' ? '' : `  ${line}`)
  if (exitCode !== 0) return Exit.failed
  return isTrusted(evidence.judgement) ? Exit.ok : Exit.refused
}

/** What became of a run, as data; without a quote, `verdict` and what belongs to it are left out. */
export function resultJson({ exitCode, evidence }: RunResult): Readonly<Record<string, unknown>> {
  if (evidence === undefined) return { exitCode }
  const { quoteBytes, mrEnclave, files, judgement } = evidence
  return { exitCode, quoteBytes, mrEnclave, files, verdict: judgementJson(judgement) }
}

function parseMiB(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new UsageError(`--epc '${text}': want a whole number of MiB, such as 10; 0 asks for no EPC`)
}
