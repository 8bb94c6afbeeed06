import type { FigureReport } from './figure.ts'
import { type Goal, goalText } from './goal.ts'
import { type Machine, machineText } from './machine.ts'
import type { Memory } from './process-figures.ts'
import type { PluginRestarts } from './restarts.ts'
import { type Spread, spreadOf, spreadText } from './spread.ts'
import { table } from './table.ts'

/** What is measured, in the order of the table; the bare ones are the peers. */
export const daemonNames = [
  'bare Node',
  'bare gRPC server',
  'bare plugin',
  'device plugin',
  'quote helper',
] as const
export type DaemonName = (typeof daemonNames)[number]

export interface Measured {
  readonly startMs: readonly number[]
  readonly startCpuMs: readonly number[]
  readonly memory: readonly Memory[]
  /** Of one core, over the window. */
  readonly cpuShare: number
}

export interface MeasuredDaemons {
  readonly daemons: Readonly<Record<DaemonName, Measured>>
  readonly restarts: readonly PluginRestarts[]
  readonly windowMs: number
}

/** The most that a daemon may cost, by the median; `timesBareServer`: its RSS beside the bare gRPC server's. */
interface Limits {
  readonly rssBytes: number
  readonly timesBareServer?: number
  readonly startMs: number
}

const CPU_SHARE = 0.001
const LIMITS: Readonly<Partial<Record<DaemonName, Limits>>> = {
  // koffi and the client of the API server included
  'device plugin': { rssBytes: 90e6, startMs: 300 },
  'quote helper': { rssBytes: 80e6, timesBareServer: 1.35, startMs: 250 },
}

/** The figures of one run, and whether the goals are met by their medians. */
export function daemonReport(
  { daemons, restarts, windowMs }: MeasuredDaemons,
  machine: Machine,
  quick: boolean,
): FigureReport {
  const rows = daemonNames.map(name => ({ name, ...spreads(daemons[name]) }))
  const bareServer = spreads(daemons['bare gRPC server']).rss.median
  const goals = rows.flatMap(row => {
    const limits = LIMITS[row.name]
    return limits === undefined ? [] : goalsOf(row, limits, bareServer, !quick)
  })
  const restartRows = restarts.map(({ plugin, ms, cpuMs }) => ({
    plugin,
    ms: spreadOf(ms),
    cpuMs: spreadOf(cpuMs),
  }))
  const text = [
    machineText(machine),
    `medians (least–most) of ${rows[0]?.rss.runs} runs; MB = 10^6 bytes${quick ? '; --quick: not to be stated, CPU not judged' : ''}`,
    '',
    table(
      ['idle', 'RSS MB', 'anonymous MB', 'file-backed', `CPU % ${windowMs / 1000} s`],
      rows.map(row => [
        row.name,
        spreadText(row.rss),
        spreadText(row.anonymous),
        row.fileBacked.median.toFixed(1),
        (row.cpuShare * 100).toFixed(3),
      ]),
    ),
    '',
    table(
      ['from exec to ready', 'ms', 'CPU ms'],
      rows.map(row => [row.name, spreadText(row.startMs), spreadText(row.startCpuMs)]),
    ),
    '',
    table(
      [`kubelet restart to registered, ${restartRows[0]?.ms.runs} times`, 'ms', 'CPU ms'],
      restartRows.map(row => [row.plugin, spreadText(row.ms), spreadText(row.cpuMs)]),
    ),
    '',
    ...goals.map(goalText),
  ].join('\n')
  return { text, json: { machine, quick, windowMs, daemons: rows, restarts: restartRows, goals } }
}

interface Row {
  readonly rss: Spread
  readonly anonymous: Spread
  readonly fileBacked: Spread
  readonly proportional: Spread
  readonly startMs: Spread
  readonly startCpuMs: Spread
  readonly cpuShare: number
}

function spreads({ startMs, startCpuMs, memory, cpuShare }: Measured): Row {
  const megabytes = (field: keyof Memory): Spread => spreadOf(memory.map(one => one[field] / 1e6))
  return {
    rss: megabytes('rss'),
    anonymous: megabytes('anonymous'),
    fileBacked: megabytes('fileBacked'),
    proportional: megabytes('proportional'),
    startMs: spreadOf(startMs),
    startCpuMs: spreadOf(startCpuMs),
    cpuShare,
  }
}

/** @param judgeCpu whether the window is long enough: one bookmark more or less decides over a short one */
function goalsOf(
  row: Row & { readonly name: DaemonName },
  { rssBytes, timesBareServer, startMs }: Limits,
  bareServer: number,
  judgeCpu: boolean,
): readonly Goal[] {
  const times = row.rss.median / bareServer
  const cpu: Goal = {
    goal: `${row.name}: ≤ ${CPU_SHARE * 100} % of a core`,
    found: `${(row.cpuShare * 100).toFixed(3)} %`,
    met: row.cpuShare <= CPU_SHARE,
  }
  return [
    {
      goal: `${row.name}: RSS ≤ ${rssBytes / 1e6} MB`,
      found: row.rss.median.toFixed(1),
      met: row.rss.median <= rssBytes / 1e6,
    },
    ...(timesBareServer === undefined
      ? []
      : [
          {
            goal: `${row.name}: RSS ≤ ${timesBareServer} × the bare gRPC server`,
            found: times.toFixed(2),
            met: times <= timesBareServer,
          },
        ]),
    ...(judgeCpu ? [cpu] : []),
    {
      goal: `${row.name}: serves ≤ ${startMs} ms after exec`,
      found: `${row.startMs.median.toFixed(0)} ms`,
      met: row.startMs.median <= startMs,
    },
  ]
}
