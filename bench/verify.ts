import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BareWork, bareWork } from './bare-work.ts'
import { type Evidence, readOwnEvidence, type Verdict } from './evidence.ts'
import type { Figure } from './figure.ts'
import { observeMachine } from './machine.ts'
import { type PeerName, type Peers, peerNames, perPeer, startPeers } from './peers.ts'
import { measureRounds, type Rates, type Subject, timed } from './rounds.ts'
import { measureMemory } from './verifier-memory.ts'
import { type MeasuredQuote, verifyReport } from './verify-report.ts'
import { perState, type StateName, stateNames, statesOf } from './verify-states.ts'

/** The quote that the goals are of: Phala's sample, which other figures of these peers are of, too. */
const mainQuote = 'sgx-v3-phala'

const fullPlan = { rounds: 9, batchMs: 150, warmUpMs: 1_000 }
const quickPlan = { rounds: 3, batchMs: 20, warmUpMs: 50 }

/**
 * How many quotes a second this verifier verifies, in each of four states, beside the bare cryptography of that state and beside two
 * other verifiers.
 */
export const verify: Figure = async ({ quick, progress }) => {
  const plan = quick ? quickPlan : fullPlan
  const machine = observeMachine()
  const directory = await mkdtemp(join(tmpdir(), 'alcove-bench-'))
  try {
    const all = readOwnEvidence().filter(({ expected }) => 'status' in expected)
    const evidence = all.toSorted(
      (a, b) => Number(b.name === mainQuote) - Number(a.name === mainQuote),
    )
    await using peers = await startPeers(directory, evidence, progress)
    const subjects = await subjectsOf(evidence, peers)
    const rates = await measureRounds(subjects.flatMap(allOf), plan, progress)
    progress('memory')
    const memory = await measureMemory(quick)
    const quotes = subjects.map(subject => measuredQuote(subject, rates))
    const measured = { quotes, memory, absentPeers: peers.absent, ...plan }
    return verifyReport(measured, machine(), quick)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface QuoteSubjects {
  readonly name: string
  readonly alcove: Readonly<Record<StateName, Subject | undefined>>
  readonly bare: Readonly<Record<StateName, Subject | undefined>>
  readonly peers: Readonly<Record<PeerName, Subject | undefined>>
  readonly notMeasured: readonly string[]
}

async function subjectsOf(
  evidence: readonly Evidence[],
  { running }: Peers,
): Promise<readonly QuoteSubjects[]> {
  const verdicts = new Map<PeerName, readonly Verdict[]>()
  for (const [name, peer] of running) verdicts.set(name, await peer.verdicts())
  return evidence.map((one, index) => {
    const notMeasured: string[] = []
    const attempt = <T>(what: string, make: () => T): T | undefined => {
      try {
        return make()
      } catch (error) {
        notMeasured.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      }
    }
    const subject = (name: string, once: (() => unknown) | undefined): Subject | undefined =>
      once && { name, run: timed(once) }
    const states = attempt('@alcove/dcap', () => triedStates(one))
    const bare = attempt('bare work', () => triedBareWork(one))
    const peer = (name: PeerName): Subject | undefined => {
      const verdict = verdicts.get(name)?.[index]
      const process = running.get(name)
      if (process === undefined || verdict === undefined) return undefined
      if ('status' in verdict) return { name, run: times => process.measure(index, times) }
      notMeasured.push(`${name}: ${verdict.refused}`)
      return undefined
    }
    return {
      name: one.name,
      alcove: perState(state => subject(state, states?.[state])),
      bare: perState(state => subject(`bare: ${state}`, bare?.[state])),
      peers: perPeer(peer),
      notMeasured,
    }
  })
}

/** Throws what a verification throws: before the measurement, not in it. */
function triedStates(evidence: Evidence): ReturnType<typeof statesOf> {
  const states = statesOf(evidence)
  for (const state of stateNames) states[state]?.()
  return states
}

function triedBareWork(evidence: Evidence): BareWork {
  const work = bareWork(evidence)
  const wrong = stateNames.filter(state => !work[state]())
  if (wrong.length > 0) throw new TypeError(`a signature does not hold: ${wrong.join(', ')}`)
  return work
}

function allOf({ alcove, bare, peers }: QuoteSubjects): readonly Subject[] {
  const all = [
    ...stateNames.flatMap(state => [alcove[state], bare[state]]),
    ...peerNames.map(peer => peers[peer]),
  ]
  return all.filter(subject => subject !== undefined)
}

function measuredQuote(subjects: QuoteSubjects, rates: Rates): MeasuredQuote {
  const of = (subject: Subject | undefined) => subject && rates.get(subject)
  return {
    name: subjects.name,
    alcove: perState(state => of(subjects.alcove[state])),
    bare: perState(state => of(subjects.bare[state])),
    peers: perPeer(peer => of(subjects.peers[peer])),
    notMeasured: subjects.notMeasured,
  }
}
