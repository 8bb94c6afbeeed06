import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AesmClient } from '@alcove/aesm'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { capability, readNode, simulatedHost } from '@alcove/host'
import { connectStandIn, type ResourceStatus } from '@alcove/kubelet'
import { writeSimulatedRoot } from '@alcove/simulator'
import type { NodeKind } from './node-kind.ts'
import { type NodePaths, nodePaths } from './node-paths.ts'
import { rolesOf } from './roles.ts'
import { StartWatch } from './start-watch.ts'
import { type LogEvent, type Supervised, supervise } from './supervise.ts'

export interface NodeOptions {
  readonly kind: NodeKind
  /** Where everything of this node goes. */
  readonly base: string
  /** The state directory, which has the seed of the simulated keys and the simulated authorities. */
  readonly state: string
  /** The program that knows the roles: the CLI's entry point. */
  readonly program: string
  /** What the roles get of this process's environment, beside their settings. */
  readonly environment: Readonly<Record<string, string>>
  readonly onRestart: (name: string, how: string) => void
  readonly signal: AbortSignal
}

/** What a node offers to pods, or why it offers nothing. */
export type Offer = { readonly epc: ResourceStatus } | { readonly refusal: string }

export interface EmbeddedNode extends AsyncDisposable {
  readonly kind: NodeKind
  readonly paths: NodePaths
  readonly offer: Offer
  /** Quotes that its helper has made. */
  readonly quotes: number
  /** Process ids of its roles, by name. */
  pids(): Readonly<Record<string, number | undefined>>
}

const POLL_MS = 30

/**
 * Starts a node without root, containers or hardware: a simulated platform, a stand-in kubelet, the real device plugin
 * and the real quote helper, each a process of its own. Resolves when EPC is allocatable and quotes are served, or when
 * its device plugin has said why it offers nothing.
 *
 * @throws {NodeError} `ERR_NODE_NOT_READY` naming the part that is late and its log
 */
export async function startNode(options: NodeOptions): Promise<EmbeddedNode> {
  const { kind } = options
  const paths = nodePaths(options.base)
  for (const directory of [paths.kubeletDirectory, paths.programs, paths.logs]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
  const { capable } = await layOutRoot(kind, paths.root)
  const heard = new Hearing()
  await using parts = new AsyncDisposableStack()
  const start = new StartWatch(paths.logs)
  const supervised: Supervised[] = []
  try {
    for (const role of rolesOf(kind, paths, { ...options, capable })) {
      const part = await supervise(role, options.program, join(paths.logs, `${role.name}.log`), {
        onRestart: (name, how) => {
          options.onRestart(name, how)
          start.onRestart(name, how)
        },
        onEvent: event => heard.hear(event),
      })
      supervised.push(parts.use(part))
    }
    const signal = AbortSignal.any([options.signal, start.signal])
    const offer = await eventually(signal, async () => heard.refusal ?? (await offerOf(paths)))
    if ('epc' in offer) await eventually(signal, () => quotesAreServed(paths, signal))
    const running = parts.move()
    return {
      kind,
      paths,
      offer,
      get quotes() {
        return heard.quotes
      },
      pids: () => Object.fromEntries(supervised.map(({ name, pid }) => [name, pid])),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    }
  } finally {
    start.end()
  }
}

async function layOutRoot(kind: NodeKind, root: string): Promise<{ capable: boolean }> {
  const token = (): string => randomBytes(16).toString('hex')
  await writeSimulatedRoot(root, {
    size: kind.size,
    os: kind.os,
    numaNodes: kind.numaNodes,
    ...(kind.fault === undefined ? {} : { fault: kind.fault }),
    enclaveToken: token(),
    provisionToken: token(),
  })
  return capability(await readNode(await simulatedHost(root)))
}

/** What the roles' log lines say that `up` wants to know. */
class Hearing {
  refusal: { readonly refusal: string } | undefined
  quotes = 0

  hear({ event, reason, operation, errorCode }: LogEvent): void {
    if (event === 'nothing to offer') this.refusal = { refusal: String(reason) }
    if (event === 'answered' && operation === 'getQuoteEx' && errorCode === 0) this.quotes++
  }
}

async function offerOf(paths: NodePaths): Promise<Offer | undefined> {
  const { resources } = await (await connectStandIn(paths.controlSocket)).status()
  const epc = resources.find(({ name }) => name === EPC_RESOURCE)
  return epc !== undefined && epc.allocatable > 0 ? { epc } : undefined
}

async function quotesAreServed(paths: NodePaths, signal: AbortSignal): Promise<true> {
  await new AesmClient({ path: paths.aesmSocket, timeoutMs: 2000 }).initQuote(signal)
  return true
}

/** Asks until there is an answer; what throws until then counts as none. */
async function eventually<T>(signal: AbortSignal, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
}
