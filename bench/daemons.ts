import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import { bundleOptions, bundleProgram } from '../tools/bundle.ts'
import { type DaemonsNode, startNode } from './daemons-node.ts'
import { type DaemonName, daemonNames, daemonReport, type Measured } from './daemons-report.ts'
import type { Figure } from './figure.ts'
import { observeMachine } from './machine.ts'
import { type Memory, readCpuMs, readMemory } from './process-figures.ts'
import { firstLine, type Startable, type Started, start } from './started.ts'

interface Plan {
  readonly runs: number
  readonly settleMs: number
  readonly windowMs: number
}
/** The plugin polls every 5 s while all is well: the window has six polls whenever it begins. */
const fullPlan: Plan = { runs: 15, settleMs: 2_000, windowMs: 30_000 }
const quickPlan: Plan = { runs: 3, settleMs: 500, windowMs: 3_000 }

/** Idle memory and CPU of the two daemons, and how soon after exec they serve, beside a bare Node and a bare gRPC server. */
export const daemons: Figure = async ({ quick, progress }) => {
  const plan = quick ? quickPlan : fullPlan
  const machine = observeMachine()
  const directory = await mkdtemp(join(tmpdir(), 'alcove-bench-'))
  try {
    progress('bundling')
    await bundleProgram(join(directory, 'dist'))
    await build({
      ...bundleOptions,
      plugins: [],
      outdir: join(directory, 'peers'),
      splitting: false,
      entryPoints: { idle: 'bench/peers/idle.mjs', 'grpc-server': 'bench/peers/grpc-server.mjs' },
    })
    await using node = await startNode(directory)
    const measured = await measure(startables(directory, node), plan, progress)
    return daemonReport(measured, machine(), quick)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The daemons and their peers, each with when it counts as started. */
function startables(directory: string, node: DaemonsNode): Readonly<Record<DaemonName, Startable>> {
  const program = join(directory, 'dist/alcove.mjs')
  return {
    'bare Node': { args: [join(directory, 'peers/idle.mjs')], ready: firstLine },
    'bare gRPC server': {
      args: [join(directory, 'peers/grpc-server.mjs'), join(directory, 'echo.sock')],
      ready: firstLine,
    },
    'device plugin': {
      args: [program, 'device-plugin'],
      environment: node.pluginSettings,
      ready: (_child, signal) => node.registered(signal),
    },
    'quote helper': {
      args: [program, 'quote-helper'],
      environment: node.helperSettings,
      ready: (_child, signal) => node.answering(signal),
    },
  }
}

async function measure(
  startable: Readonly<Record<DaemonName, Startable>>,
  plan: Plan,
  progress: (line: string) => void,
): Promise<Readonly<Record<DaemonName, Measured>>> {
  const starts = perDaemon((): Started[] => [])
  const memory = perDaemon((): Memory[] => [])
  const cpuMs = perDaemon((): number[] => [])
  for (let run = 1; run <= plan.runs; run++) {
    progress(`run ${run} of ${plan.runs}`)
    await using stack = new AsyncDisposableStack()
    const started = new Map<DaemonName, Started>()
    for (const name of daemonNames) {
      const one = stack.use(await start(startable[name]))
      started.set(name, one)
      starts[name].push(one)
    }
    await setTimeout(plan.settleMs)
    const isLast = run === plan.runs
    if (isLast) {
      progress(`idle for ${plan.windowMs / 1000} s`)
      for (const [name, ms] of await cpuOver(plan.windowMs, started)) cpuMs[name].push(ms)
    }
    for (const [name, { pid }] of started) memory[name].push(await readMemory(pid))
  }
  return perDaemon(name => ({
    startMs: starts[name].map(one => one.startMs),
    startCpuMs: starts[name].map(one => one.startCpuMs),
    memory: memory[name],
    cpuShare: (cpuMs[name][0] ?? Number.NaN) / plan.windowMs,
    windowMs: plan.windowMs,
  }))
}

/** Running time of each process in a window in which nothing is asked of it. */
async function cpuOver(
  windowMs: number,
  started: ReadonlyMap<DaemonName, Started>,
): Promise<readonly (readonly [DaemonName, number])[]> {
  const times = async (): Promise<number[]> =>
    await Promise.all([...started.values()].map(({ pid }) => readCpuMs(pid)))
  const before = await times()
  await setTimeout(windowMs)
  const after = await times()
  return [...started.keys()].map((name, index) => [
    name,
    (after[index] ?? Number.NaN) - (before[index] ?? Number.NaN),
  ])
}

function perDaemon<T>(of: (name: DaemonName) => T): Record<DaemonName, T> {
  return {
    'bare Node': of('bare Node'),
    'bare gRPC server': of('bare gRPC server'),
    'device plugin': of('device plugin'),
    'quote helper': of('quote helper'),
  }
}
