import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { certificatesFromPem, defaultPolicy, type Policy, parseCollateral } from '@alcove/dcap'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import {
  connectStandIn,
  KubeletError,
  type RunEvent,
  type RunRequest,
  type StandInClient,
} from '@alcove/kubelet'
import {
  connectPlatform,
  enclaveFolder,
  measureManifest,
  parseManifest,
} from '@alcove/simulator/client'
import { InputError, parseInput, readInput } from '../input.ts'
import { type Judgement, judge } from '../judge.ts'
import { NodeError } from './node-error.ts'
import type { NodePaths } from './node-paths.ts'

/** What a relying party needs to judge a quote of the embedded node, as files. */
export interface EvidenceFiles {
  readonly quote: string
  readonly collateral: string
  readonly root: string
}

export interface Evidence {
  readonly quoteBytes: number
  /** What the program's folder measures to, hex: the policy pins the quote to it. */
  readonly mrEnclave: string
  readonly files: EvidenceFiles
  readonly judgement: Judgement
}

export interface RunResult {
  readonly exitCode: number
  /** Where the program left a quote: its bytes, the files, and what a verifier makes of them now. */
  readonly evidence?: Evidence
}

export interface RunDeps {
  readonly paths: NodePaths
  /** Where the quote, the collateral and the root certificate go. */
  readonly out: string
  /** What the program gets of this process's environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly now: () => Date
  readonly policy?: Policy
  readonly onEvent: (event: RunEvent) => void
  readonly signal: AbortSignal
}

/** Beside this module, in the source and in the bundle, whose files all lie in one folder. */
const END_WITH_KUBELET = join(
  import.meta.dirname,
  `end-with-kubelet${extname(import.meta.filename)}`,
)

const MANIFEST_BYTES = 64 * 1024
const QUOTE_BYTES = 64 * 1024

/**
 * Runs the enclave program in `folder` on the embedded node with an EPC limit, as a pod would run, and judges the
 * quote that it leaves in `QUOTE_FILE`, under the simulated root only and for the MRENCLAVE that the folder measures to.
 *
 * @param epcMiB the limit; 0 asks for none, and the program gets no device
 * @throws {KubeletError} `ERR_KUBELET_INSUFFICIENT` when less EPC is left; {@link NodeError} when no node is up
 */
export async function runEnclave(
  folder: string,
  epcMiB: number,
  deps: RunDeps,
): Promise<RunResult> {
  const { out } = deps
  const directory = resolve(folder)
  const manifestPath = join(directory, 'enclave.json')
  const manifestText = await readInput(manifestPath, 'enclave manifest', MANIFEST_BYTES)
  const manifest = parseInput(manifestPath, 'enclave manifest', () =>
    parseManifest(new TextDecoder().decode(manifestText)),
  )
  await mkdir(out, { recursive: true, mode: 0o700 })
  const files: EvidenceFiles = {
    quote: join(out, `${manifest.name}.quote`),
    collateral: join(out, 'collateral.json'),
    root: join(out, 'root.pem'),
  }
  const left = join(out, `.${manifest.name}.${process.pid}.quote`)
  await rm(left, { force: true, recursive: true })
  const exitCode = await runToEnd(deps, {
    name: manifest.name,
    command: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      '--import',
      END_WITH_KUBELET,
      join(directory, manifest.main),
    ],
    cwd: directory,
    env: { QUOTE_FILE: left, ...deps.environment },
    limits: epcMiB === 0 ? {} : { [EPC_RESOURCE]: epcMiB },
  })
  const quote = await readQuote(left)
  if (quote === undefined) return { exitCode }
  await rename(left, files.quote)
  const measured = await measureManifest(manifest, enclaveFolder(directory))
  const mrEnclave = measured.mrEnclave.toHex()
  const judgement = await judgeHere(quote, mrEnclave, files, deps)
  return { exitCode, evidence: { quoteBytes: quote.byteLength, mrEnclave, files, judgement } }
}

async function runToEnd({ paths, onEvent, signal }: RunDeps, request: RunRequest): Promise<number> {
  const kubelet = await connected(paths, signal)
  for await (const event of kubelet.run(request, signal)) {
    onEvent(event)
    if (event.event === 'refused') throw new KubeletError(event.code, event.message)
    if (event.event === 'exit') return event.code ?? 1
  }
  throw new NodeError(
    'ERR_NODE_NOT_READY',
    `the stand-in kubelet ended while ${basename(request.cwd)} ran: run it again; its log is ${join(paths.logs, 'stand-in-kubelet.log')}`,
  )
}

/** A kubelet that was killed is back within 2 s. */
const RESTART_MS = 3000

async function connected(paths: NodePaths, signal: AbortSignal): Promise<StandInClient> {
  const end = performance.now() + RESTART_MS
  for (;;) {
    try {
      return await connectStandIn(paths.controlSocket)
    } catch (cause) {
      signal.throwIfAborted()
      if (performance.now() < end) {
        await delay(100)
        continue
      }
      const log = join(paths.logs, 'stand-in-kubelet.log')
      const silent = `the node's stand-in kubelet does not answer (${paths.controlSocket}); its log is ${log}`
      throw new NodeError('ERR_NODE_NOT_READY', silent, { cause })
    }
  }
}

/** What the program left, if anything. */
async function readQuote(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readInput(path, 'quote', QUOTE_BYTES)
  } catch (error) {
    if (error instanceof InputError && error.code === 'ERR_INPUT_ABSENT') return undefined
    throw error
  }
}

async function judgeHere(
  quote: Uint8Array,
  mrEnclave: string,
  files: EvidenceFiles,
  deps: RunDeps,
): Promise<Judgement> {
  const platform = await connectPlatform(deps.paths.platformSocket, undefined)
  const collateral = await platform.collateral()
  const rootPem = await platform.root()
  await platform.close()
  const collateralText = JSON.stringify(collateral, undefined, 2)
  await writeFile(files.collateral, collateralText)
  await writeFile(files.root, rootPem)
  return parseInput(files.quote, 'quote', () =>
    judge(quote, parseCollateral(collateralText), {
      at: deps.now(),
      roots: certificatesFromPem(rootPem, files.root),
      policy: { ...(deps.policy ?? defaultPolicy), mrEnclaves: [mrEnclave] },
    }),
  )
}
