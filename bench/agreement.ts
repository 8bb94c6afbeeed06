import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '../packages/bytes/src/index.ts'
import { intelRoots, parseCollateral, verify } from '../packages/dcap/src/index.ts'
import type { VerifierName } from './agreement-reasons.ts'
import { agreementReport } from './agreement-report.ts'
import type { Evidence, Verdict } from './evidence.ts'
import type { Figure } from './figure.ts'
import { startPeers } from './peers.ts'
import { readCases } from './shared-evidence.ts'

/** What this verifier and two others say of every case, where they differ from what must come out, and why. */
export const agreement: Figure = async ({ progress }) => {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-bench-'))
  try {
    const { cases, notRun } = await readCases()
    await using peers = await startPeers(directory, cases, progress)
    const verdicts = new Map<VerifierName, readonly Verdict[]>()
    verdicts.set('@alcove/dcap', cases.map(ourVerdict))
    for (const [name, peer] of peers.running) verdicts.set(name, await peer.verdicts())
    return agreementReport({ cases, notRun, verdicts, absent: peers.absent })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function ourVerdict({ quote, collateral, at, root }: Evidence): Verdict {
  const roots = root === undefined ? intelRoots : [root]
  try {
    return verify(quote, parseCollateral(collateral), { at, roots })
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { refused: `${error.code}: ${error.message}` }
  }
}
