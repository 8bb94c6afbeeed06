import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AesmClient } from '@alcove/aesm'
import { CodedError } from '@alcove/bytes'
import type { TcbStatus } from '@alcove/dcap'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { connectStandIn, type ResourceStatus } from '@alcove/kubelet'
import { writeSimulatedRoot } from '@alcove/simulator'
import { type Supervised, supervise } from './supervise.ts'

export class NodeError extends CodedError<'ERR_NODE_NOT_READY' | 'ERR_NODE_ABSENT'> {}

/** Where the parts of an embedded node meet, all below one directory. */
export interface NodePaths {
  readonly base: string
  /** The simulated node's root. */
  readonly root: string
  readonly platformSocket: string
  readonly enclaveDevice: string
  readonly kubeletDirectory: string
  /** The stand-in kubelet's socket for people's tools. */
  readonly controlSocket: string
  readonly programs: string
  readonly aesmSocket: string
  readonly logs: string
}

export function nodePaths(base: string): NodePaths {
  const root = join(base, 'node')
  return {
    base,
    root,
    platformSocket: join(root, 'run/alcove-simulator/platform.socket'),
    enclaveDevice: join(root, 'dev/sgx_enclave'),
    kubeletDirectory: join(base, 'kubelet/device-plugins'),
    controlSocket: join(base, 'kubelet/control.socket'),
    programs: join(base, 'programs'),
    aesmSocket: join(base, 'aesmd/aesm.socket'),
    logs: join(base, 'logs'),
  }
}

export interface NodeOptions {
  readonly base: string
  /** The state directory, which has the seed of the simulated keys and the simulated authorities. */
  readonly state: string
  /** The program that knows the roles: the CLI's entry point. */
  readonly program: string
  /** What the roles get of this process's environment, beside their settings. */
  readonly environment: Readonly<Record<string, string>>
  readonly size: string
  readonly tcb: TcbStatus
  readonly onRestart: (name: string, how: string) => void
  readonly signal: AbortSignal
}

export interface EmbeddedNode extends AsyncDisposable {
  readonly paths: NodePaths
  readonly epc: ResourceStatus
  /** Process ids of the four roles, by name. */
  pids(): Readonly<Record<string, number | undefined>>
}

const READY_MS = 15_000
const POLL_MS = 30
/** A role that ends this often before the node is ready is not worth waiting for. */
const RESTARTS = 3

/**
 * Starts a confidential node without root, containers or hardware: a simulated platform, a stand-in kubelet, the real
 * device plugin and the real quote helper, each a process of its own. Resolves when EPC is allocatable and quotes are
 * served.
 *
 * @throws {NodeError} `ERR_NODE_NOT_READY` naming the part that is late and its log
 */
export async function startNode(options: NodeOptions): Promise<EmbeddedNode> {
  const paths = nodePaths(options.base)
  for (const directory of [paths.kubeletDirectory, paths.programs, paths.logs]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
  const token = (): string => randomBytes(16).toString('hex')
  await writeSimulatedRoot(paths.root, {
    size: options.size,
    os: 'in-kernel',
    enclaveToken: token(),
    provisionToken: token(),
  })
  const parts = new AsyncDisposableStack()
  const start = new StartWatch(paths.logs)
  const supervised: Supervised[] = []
  try {
    for (const role of rolesOf(paths, options)) {
      const log = join(paths.logs, `${role.name}.log`)
      const onRestart = (name: string, how: string): void => {
        options.onRestart(name, how)
        start.onRestart(name, how)
      }
      const part = await supervise(role, options.program, log, onRestart)
      supervised.push(parts.use(part))
    }
    const epc = await untilReady(paths, AbortSignal.any([options.signal, start.signal]))
    const running = parts.move()
    return {
      paths,
      epc,
      pids: () => Object.fromEntries(supervised.map(({ name, pid }) => [name, pid])),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    }
  } catch (error) {
    await parts.disposeAsync()
    throw error
  } finally {
    start.end()
  }
}

/** Gives a start up when a role ends again and again, or when it takes too long, and says why. */
class StartWatch {
  readonly #controller = new AbortController()
  readonly #logs: string
  readonly #restarts = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  constructor(logs: string) {
    this.#logs = logs
    this.#timer = setTimeout(() => {
      const late = `the node did not get ready in ${READY_MS / 1000} s; the logs in ${logs} say how far it got`
      this.#controller.abort(new NodeError('ERR_NODE_NOT_READY', late))
    }, READY_MS)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  onRestart(name: string, how: string): void {
    const restarts = (this.#restarts.get(name) ?? 0) + 1
    this.#restarts.set(name, restarts)
    if (restarts < RESTARTS) return
    const log = join(this.#logs, `${name}.log`)
    const said = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? ''
    const failing = `${name} ended ${restarts} times (${how}), saying: ${said.slice(0, 500)}; its log is ${log}`
    this.#controller.abort(new NodeError('ERR_NODE_NOT_READY', failing))
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

function rolesOf(paths: NodePaths, options: NodeOptions) {
  const { environment } = options
  return [
    {
      name: 'simulated-node',
      args: [
        'simulated-node',
        '--root',
        paths.root,
        '--state',
        options.state,
        '--tcb',
        options.tcb,
      ],
      environment,
    },
    {
      name: 'stand-in-kubelet',
      args: [
        'stand-in-kubelet',
        '--directory',
        paths.kubeletDirectory,
        '--control',
        paths.controlSocket,
        '--programs',
        paths.programs,
      ],
      environment,
    },
    {
      name: 'device-plugin',
      args: ['device-plugin'],
      environment: {
        ...environment,
        DEVICE_PLUGIN_KUBELET_DIR: paths.kubeletDirectory,
        DEVICE_PLUGIN_SIMULATED_ROOT: paths.root,
        DEVICE_PLUGIN_AESM_DIR: join(paths.aesmSocket, '..'),
      },
    },
    {
      name: 'quote-helper',
      args: ['quote-helper'],
      environment: {
        ...environment,
        QUOTE_HELPER_SOCKET: paths.aesmSocket,
        QUOTE_HELPER_SIMULATED_ROOT: paths.root,
      },
    },
  ]
}

/** EPC is allocatable and a quote could be made. */
async function untilReady(paths: NodePaths, signal: AbortSignal): Promise<ResourceStatus> {
  const epc = await eventually(signal, async () => {
    const { resources } = await (await connectStandIn(paths.controlSocket)).status()
    const found = resources.find(({ name }) => name === EPC_RESOURCE)
    return found !== undefined && found.allocatable > 0 ? found : undefined
  })
  const aesm = new AesmClient({ path: paths.aesmSocket, timeoutMs: 2000 })
  await eventually(signal, () => aesm.initQuote(signal))
  return epc
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
