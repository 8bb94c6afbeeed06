import type { FigureReport } from './figure.ts'
import { type Machine, machineText } from './machine.ts'
import type { Memory } from './process-figures.ts'
import { type Spread, spreadOf, spreadText } from './spread.ts'
import { table } from './table.ts'

/** What is measured, in the order of the table; the two bare ones are the peers. */
export const daemonNames = [
  'bare Node',
  'bare gRPC server',
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
  readonly windowMs: number
}

interface Goal {
  readonly goal: string
  readonly found: string
  readonly met: boolean
}

const GOALS = { rssBytes: 80e6, timesBareServer: 1.35, cpuShare: 0.001, startMs: 250 } as const
const OURS = ['device plugin', 'quote helper'] as const satisfies readonly DaemonName[]

/** The figures of one run, and whether the goals are met by their medians. */
export function daemonReport(
  measured: Readonly<Record<DaemonName, Measured>>,
  machine: Machine,
  quick: boolean,
): FigureReport {
  const rows = daemonNames.map(name => ({ name, ...spreads(measured[name]) }))
  const bareServer = spreads(measured['bare gRPC server']).rss.median
  const goals = rows
    .filter(({ name }) => OURS.some(one => one === name))
    .flatMap(row => goalsOf(row, bareServer, !quick))
  const { windowMs } = measured['device plugin']
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
    ...goals.map(({ goal, found, met }) => `${met ? 'met   ' : 'MISSED'}  ${goal}: ${found}`),
  ].join('\n')
  return { text, json: { machine, quick, windowMs, daemons: rows, goals } }
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

/** @param judgeCpu whether the window has several of the plugin's polls; one more or less decides over a short one */
function goalsOf(
  row: Row & { readonly name: DaemonName },
  bareServer: number,
  judgeCpu: boolean,
): readonly Goal[] {
  const times = row.rss.median / bareServer
  const cpu: Goal = {
    goal: `${row.name}: ≤ ${GOALS.cpuShare * 100} % of a core`,
    found: `${(row.cpuShare * 100).toFixed(3)} %`,
    met: row.cpuShare <= GOALS.cpuShare,
  }
  return [
    {
      goal: `${row.name}: RSS ≤ ${GOALS.rssBytes / 1e6} MB`,
      found: row.rss.median.toFixed(1),
      met: row.rss.median <= GOALS.rssBytes / 1e6,
    },
    {
      goal: `${row.name}: RSS ≤ ${GOALS.timesBareServer} × the bare gRPC server`,
      found: times.toFixed(2),
      met: times <= GOALS.timesBareServer,
    },
    ...(judgeCpu ? [cpu] : []),
    {
      goal: `${row.name}: serves ≤ ${GOALS.startMs} ms after exec`,
      found: `${row.startMs.median.toFixed(0)} ms`,
      met: row.startMs.median <= GOALS.startMs,
    },
  ]
}
