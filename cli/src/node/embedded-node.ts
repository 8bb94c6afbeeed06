import { randomBytes } from 'node:crypto'
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
const POLL_MS = 20

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
  const supervised: Supervised[] = []
  try {
    for (const role of rolesOf(paths, options)) {
      const log = join(paths.logs, `${role.name}.log`)
      const part = await supervise(role, options.program, log, options.onRestart)
      supervised.push(parts.use(part))
    }
    const epc = await untilReady(paths, options.signal)
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

/** What has to answer before the node is ready, with the role whose log explains why it does not. */
async function untilReady(paths: NodePaths, signal: AbortSignal): Promise<ResourceStatus> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)])
  const epc = await eventually('device-plugin', paths, deadline, async () => {
    const { resources } = await (await connectStandIn(paths.controlSocket)).status()
    const found = resources.find(({ name }) => name === EPC_RESOURCE)
    return found !== undefined && found.allocatable > 0 ? found : undefined
  })
  const aesm = new AesmClient({ path: paths.aesmSocket, timeoutMs: 2000 })
  await eventually('quote-helper', paths, deadline, () => aesm.initQuote(deadline))
  return epc
}

async function eventually<T>(
  role: string,
  paths: NodePaths,
  signal: AbortSignal,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (let last: unknown; ; ) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (signal.aborted) {
      const why = last instanceof Error ? `: ${last.message}` : ''
      throw new NodeError(
        'ERR_NODE_NOT_READY',
        `the node did not get ready in ${READY_MS / 1000} s${why}; see ${join(paths.logs, `${role}.log`)}`,
        { cause: last },
      )
    }
    await delay(POLL_MS)
  }
}
