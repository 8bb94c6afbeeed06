import type { FigureReport } from './figure.ts'
import { type Goal, goalText } from './goal.ts'
import { type Machine, machineText } from './machine.ts'
import { type PeerName, peerNames, perPeer } from './peers.ts'
import { type Spread, spreadOf, spreadText } from './spread.ts'
import { table } from './table.ts'
import type { VerifierMemory } from './verifier-memory.ts'
import { perState, type StateName, stateNames } from './verify-states.ts'

/** Quotes a second, one figure for each round; the same rounds for all. Nothing where it was not measured. */
export type RoundRates = readonly number[] | undefined

export interface MeasuredQuote {
  readonly name: string
  readonly alcove: Readonly<Record<StateName, RoundRates>>
  readonly bare: Readonly<Record<StateName, RoundRates>>
  readonly peers: Readonly<Record<PeerName, RoundRates>>
  /** Why what is missing was not measured. */
  readonly notMeasured: readonly string[]
}

export interface MeasuredVerifiers {
  /** The first is the one that the goals are of. */
  readonly quotes: readonly MeasuredQuote[]
  readonly memory: VerifierMemory | undefined
  readonly absentPeers: ReadonlyMap<PeerName, string>
  readonly rounds: number
  readonly batchMs: number
}

interface State {
  readonly state: StateName
  readonly alcove: Spread | undefined
  readonly bare: Spread | undefined
  /** Quotients are taken within each round. */
  readonly ofBare: Spread | undefined
  readonly ofPeer: Readonly<Record<PeerName, Spread | undefined>>
}

const [rust, javaScript] = peerNames
/** P-256 verifications of each state. */
const signatures: Readonly<Record<StateName, number>> = {
  'nothing kept': 7,
  'collateral kept': 3,
  'chain kept': 2,
  'platform known': 1,
}
/** What the median has to be at least: of the bare work, and times the crate. */
const goals: Readonly<Record<StateName, { readonly ofBare: number; readonly ofRust: number }>> = {
  'nothing kept': { ofBare: 0.8, ofRust: 1 },
  'collateral kept': { ofBare: 0.85, ofRust: 2.4 },
  'chain kept': { ofBare: 0.9, ofRust: 3.7 },
  'platform known': { ofBare: 0.9, ofRust: 8 },
}

/** The figures of one run, and whether the goals are met by their medians. */
export function verifyReport(
  measured: MeasuredVerifiers,
  machine: Machine,
  quick: boolean,
): FigureReport {
  const quotes = measured.quotes.map(quote => ({ ...quote, states: statesOf(quote) }))
  const [main, ...others] = quotes
  if (main === undefined) throw new RangeError('no quote was measured')
  const judged = goalsOf(main.states)
  const absent = [...measured.absentPeers].map(([peer, why]) => `${peer}: not measured: ${why}`)
  const text = [
    machineText(machine),
    `medians (least–most) of ${measured.rounds} rounds of ${measured.batchMs} ms, in turn${quick ? '; --quick: not to be stated' : ''}`,
    ...absent,
    '',
    mainTable(main),
    '',
    othersTable(others),
    'a dash: refused by that verifier, or not measured; --output json says why',
    '',
    ...memoryLines(measured.memory),
    '',
    ...judged.map(goalText),
  ].join('\n')
  const json = {
    ...{ machine, quick, rounds: measured.rounds, batchMs: measured.batchMs, absent },
    ...{ memory: measured.memory, goals: judged },
    quotes: quotes.map(({ name, states, peers, notMeasured }) => ({
      ...{ name, states, notMeasured },
      peers: perPeer(peer => spread(peers[peer])),
    })),
  }
  return { text, json }
}

function statesOf({ alcove, bare, peers }: MeasuredQuote): readonly State[] {
  return stateNames.map(state => ({
    state,
    alcove: spread(alcove[state]),
    bare: spread(bare[state]),
    ofBare: quotient(alcove[state], bare[state]),
    ofPeer: perPeer(peer => quotient(alcove[state], peers[peer])),
  }))
}

function spread(rates: RoundRates): Spread | undefined {
  return rates && spreadOf(rates)
}

function quotient(of: RoundRates, by: RoundRates): Spread | undefined {
  return of && by && spreadOf(of.map((rate, round) => rate / (by[round] ?? Number.NaN)))
}

const percent = (share: Spread | undefined): string =>
  share === undefined ? '–' : `${(share.median * 100).toFixed(0)}%`
const times = (factor: Spread | undefined): string => factor?.median.toFixed(2) ?? '–'
const rate = (rates: Spread | undefined): string => (rates ? spreadText(rates, 0) : '–')
const median = (rates: Spread | undefined): string => rates?.median.toFixed(0) ?? '–'

function mainTable({ name, states, peers }: MeasuredQuote & { states: readonly State[] }): string {
  const rows = states.flatMap(({ state, alcove, bare, ofBare, ofPeer }) => [
    [state, rate(alcove), percent(ofBare), times(ofPeer[rust]), times(ofPeer[javaScript])],
    [`  its ${signatures[state]} P-256 alone`, rate(bare)],
  ])
  const peerRows = peerNames.map(peer => [peer, rate(spread(peers[peer]))])
  return table([name, 'quotes/s', '% bare', '× Rust', '× JS'], [...rows, ...peerRows])
}

function othersTable(quotes: readonly (MeasuredQuote & { states: readonly State[] })[]): string {
  const titles = perState(state => state.split(' ')[0] ?? state)
  return table(
    ['quotes/s, % bare', 'Rust', 'JS', ...stateNames.map(state => titles[state])],
    quotes.map(({ name, states, peers }) => [
      name,
      median(spread(peers[rust])),
      median(spread(peers[javaScript])),
      ...states.map(({ alcove, ofBare }) =>
        alcove ? `${median(alcove)} ${percent(ofBare)}` : '–',
      ),
    ]),
  )
}

function memoryLines(memory: VerifierMemory | undefined): readonly string[] {
  if (memory === undefined) return ['memory: not measured: there is no createVerifier']
  const kilobytes = (bytes: number): string => (bytes / 1e3).toFixed(1)
  return [
    table(
      ['each of so many, kB', 'number', 'JavaScript', 'RSS'],
      memory.growths.map(({ what, count, javaScriptBytes, rssBytes }) => [
        what,
        String(count),
        kilobytes(javaScriptBytes),
        kilobytes(rssBytes),
      ]),
    ),
  ]
}

function goalsOf(states: readonly State[]): readonly Goal[] {
  return states.flatMap(({ state, ofBare, ofPeer }) => [
    goal(`${state}: ≥ ${goals[state].ofBare * 100} % of its bare work`, ofBare, {
      least: goals[state].ofBare,
      text: share => `${(share * 100).toFixed(1)} %`,
    }),
    goal(`${state}: ≥ ${goals[state].ofRust} × Rust from nothing`, ofPeer[rust], {
      least: goals[state].ofRust,
      text: factor => factor.toFixed(2),
    }),
  ])
}

function goal(
  text: string,
  found: Spread | undefined,
  wanted: { readonly least: number; readonly text: (value: number) => string },
): Goal {
  return {
    goal: text,
    found: found === undefined ? 'not measured' : wanted.text(found.median),
    met: found !== undefined && found.median >= wanted.least,
  }
}
