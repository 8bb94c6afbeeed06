import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import { bundleOptions, bundleProgram } from '../tools/bundle.ts'
import { type DaemonsNode, startNode } from './daemons-node.ts'
import {
  type DaemonName,
  daemonNames,
  daemonReport,
  type MeasuredDaemons,
} from './daemons-report.ts'
import type { Figure } from './figure.ts'
import { observeMachine } from './machine.ts'
import { type Memory, readCpuMs, readMemory } from './process-figures.ts'
import { measureRestarts, type PluginRestarts, type RestartPlan } from './restarts.ts'
import { firstLine, type Startable, type Started, start } from './started.ts'

interface Plan {
  readonly runs: number
  readonly settleMs: number
  readonly windowMs: number
  readonly restarts: RestartPlan
}
/**
 * Bookmarks come every minute, on each of the plugin's two watches; it looks at the node every 2 s, and polls the kubelet's socket
 * every 5 s: the window has the same of all of it whenever it begins.
 */
const fullPlan: Plan = {
  runs: 15,
  settleMs: 2_000,
  windowMs: 60_000,
  restarts: { restarts: 20, downMs: 1_000, settleMs: 500 },
}
const quickPlan: Plan = {
  runs: 3,
  settleMs: 500,
  windowMs: 3_000,
  restarts: { restarts: 3, downMs: 200, settleMs: 200 },
}

/**
 * Idle memory and CPU of the two daemons, how soon after exec they serve and the plugin after its kubelet's restart, beside a bare
 * Node, a bare gRPC server and a bare device plugin.
 */
export const daemons: Figure = async ({ quick, progress }) => {
  const plan = quick ? quickPlan : fullPlan
  const machine = observeMachine()
  const directory = await mkdtemp(join(tmpdir(), 'alcove-bench-'))
  try {
    progress('bundling')
    await bundleProgram(join(directory, 'dist'))
    // koffi, which is not in the bundle
    await symlink(await realpath('node_modules'), join(directory, 'node_modules'))
    await build({
      ...bundleOptions,
      plugins: [],
      outdir: join(directory, 'peers'),
      splitting: false,
      entryPoints: [
        'bench/peers/idle.mjs',
        'bench/peers/grpc-server.mjs',
        'bench/peers/device-plugin.mjs',
        'bench/peers/execute-cpuid.ts',
      ],
    })
    await using node = await startNode(directory)
    const measured = await measure(node, startables(directory, node), plan, progress)
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
    'bare plugin': {
      args: [
        join(directory, 'peers/device-plugin.mjs'),
        node.bareKubelet.directory,
        node.bareResource,
      ],
      ready: (_child, signal) => node.bareKubelet.registered(signal),
    },
    'device plugin': {
      flags: ['--import', join(directory, 'peers/execute-cpuid.mjs')],
      args: [program, 'device-plugin'],
      environment: node.pluginSettings,
      ready: (_child, signal) => node.serving(signal),
    },
    'quote helper': {
      args: [program, 'quote-helper'],
      environment: node.helperSettings,
      ready: (_child, signal) => node.answering(signal),
    },
  }
}

async function measure(
  node: DaemonsNode,
  startable: Readonly<Record<DaemonName, Startable>>,
  plan: Plan,
  progress: (line: string) => void,
): Promise<MeasuredDaemons> {
  const starts = perDaemon((): Started[] => [])
  const memory = perDaemon((): Memory[] => [])
  const cpuMs = perDaemon(() => Number.NaN)
  let restarts: readonly PluginRestarts[] = []
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
      for (const [name, ms] of await cpuOver(plan.windowMs, started)) cpuMs[name] = ms
    }
    for (const [name, { pid }] of started) memory[name].push(await readMemory(pid))
    if (isLast) {
      progress(`${plan.restarts.restarts} restarts of each plugin's kubelet`)
      restarts = await restartsOf(node, started, plan.restarts)
    }
  }
  const daemons = perDaemon(name => ({
    startMs: starts[name].map(one => one.startMs),
    startCpuMs: starts[name].map(one => one.startCpuMs),
    memory: memory[name],
    cpuShare: cpuMs[name] / plan.windowMs,
  }))
  return { daemons, restarts, windowMs: plan.windowMs }
}

async function restartsOf(
  node: DaemonsNode,
  started: ReadonlyMap<DaemonName, Started>,
  plan: RestartPlan,
): Promise<readonly PluginRestarts[]> {
  const plugins = [
    { name: 'bare plugin', kubelet: node.bareKubelet },
    { name: 'device plugin', kubelet: node.kubelet },
  ] as const
  const registered = plugins.flatMap(({ name, kubelet }) => {
    const pid = started.get(name)?.pid
    return pid === undefined ? [] : [{ name, pid, kubelet }]
  })
  return measureRestarts(registered, plan)
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
    'bare plugin': of('bare plugin'),
    'device plugin': of('device plugin'),
    'quote helper': of('quote helper'),
  }
}
