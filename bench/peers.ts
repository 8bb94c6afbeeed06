import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Evidence } from './evidence.ts'
import { PeerProcess } from './peer-process.ts'
import { splitSignedText } from './signed-text.ts'

/** The verifiers beside which ours is measured, with the versions that the figures are of. */
export const peerNames = ['dcap-qvl 0.7.1, Rust', '@phala/dcap-qvl 0.3.9'] as const
export type PeerName = (typeof peerNames)[number]

export function perPeer<T>(of: (peer: PeerName) => T): Record<PeerName, T> {
  return {
    'dcap-qvl 0.7.1, Rust': of('dcap-qvl 0.7.1, Rust'),
    '@phala/dcap-qvl 0.3.9': of('@phala/dcap-qvl 0.3.9'),
  }
}

export interface Peers extends AsyncDisposable {
  readonly running: ReadonlyMap<PeerName, PeerProcess>
  /** Why the others are not. */
  readonly absent: ReadonlyMap<PeerName, string>
}

const crate = join(import.meta.dirname, 'peers/dcap-qvl')
const phala = join(import.meta.dirname, 'peers/phala-qvl.mjs')
/** Outside the tree: 80 s of building are done once for every clone and worktree. */
const targetDirectory = join(homedir(), '.cache/alcove/bench/dcap-qvl')

/** Builds and starts the peers, with these cases read from `directory`. */
export async function startPeers(
  directory: string,
  cases: readonly Evidence[],
  progress: (line: string) => void,
): Promise<Peers> {
  const path = join(directory, 'cases.json')
  await writeFile(path, encodePeerCases(cases))
  await using stack = new AsyncDisposableStack()
  const running = new Map<PeerName, PeerProcess>()
  const absent = new Map<PeerName, string>()
  const [rust, javaScript] = peerNames
  progress('building the crate dcap-qvl')
  const built = await buildCrate()
  if (built === undefined) {
    running.set(rust, stack.use(new PeerProcess(binary, [path], cases.length)))
  } else {
    absent.set(rust, built)
  }
  running.set(javaScript, stack.use(new PeerProcess(process.execPath, [phala, path], cases.length)))
  const parts = stack.move()
  return { running, absent, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

const binary = join(targetDirectory, 'release/alcove-bench-dcap-qvl')

/** Why it cannot be built, if it cannot. */
async function buildCrate(): Promise<string | undefined> {
  const args = ['build', '--release', '--locked', '--quiet', '--target-dir', targetDirectory]
  try {
    await promisify(execFile)('cargo', args, { cwd: crate })
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') return 'cargo is not there'
    return `cargo build failed: ${error.message.split('\n').at(1) ?? error.message}`
  }
}

/** The cases as the peers read them: bytes in hex, the signatures beside the texts that they are over. */
export function encodePeerCases(cases: readonly Evidence[]): string {
  return JSON.stringify(
    cases.map(({ quote, collateral, at, root }) => ({
      quote: quote.toHex(),
      collateral: peerCollateral(collateral),
      at: at.getTime() / 1000,
      ...(root && { root: root.toHex() }),
    })),
  )
}

function peerCollateral(file: string): Readonly<Record<string, string>> {
  const parts: Readonly<Record<string, string>> = JSON.parse(file)
  const tcbInfo = splitSignedText(parts['tcb_info'] ?? '')
  const qeIdentity = splitSignedText(parts['qe_identity'] ?? '')
  return {
    ...parts,
    tcb_info: tcbInfo.signed,
    tcb_info_signature: tcbInfo.signature,
    qe_identity: qeIdentity.signed,
    qe_identity_signature: qeIdentity.signature,
  }
}
