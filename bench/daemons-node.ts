import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AesmClient, AesmTransportError } from '../packages/aesm/src/index.ts'
import { startStandInKubelet } from '../packages/kubelet/src/index.ts'
import {
  createPlatform,
  serveSimulatedPlatform,
  writeSimulatedRoot,
} from '../packages/simulator/src/index.ts'

/** What the two daemons need around them: a simulated node of AKS's smallest size, and a kubelet that stands in. */
export interface DaemonsNode extends AsyncDisposable {
  readonly pluginSettings: Readonly<Record<string, string>>
  readonly helperSettings: Readonly<Record<string, string>>
  /** Resolves when the stand-in kubelet has accepted the next registration. */
  registered(signal: AbortSignal): Promise<void>
  /** Resolves when the helper's socket has answered a request. */
  answering(signal: AbortSignal): Promise<void>
}

const POLL_MS = 4

export async function startNode(directory: string): Promise<DaemonsNode> {
  await using stack = new AsyncDisposableStack()
  const root = join(directory, 'node')
  const platformDirectory = join(root, 'run/alcove-simulator')
  const tokens = { enclave: 'enclave', provision: 'provision' }
  await writeSimulatedRoot(root, {
    size: 'DC2s_v2',
    os: 'in-kernel',
    enclaveToken: tokens.enclave,
    provisionToken: tokens.provision,
  })
  await mkdir(platformDirectory, { recursive: true })
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
  stack.use(
    await serveSimulatedPlatform({
      path: join(platformDirectory, 'platform.socket'),
      platform: createPlatform({
        seed: random(32),
        now: () => new Date(),
        random,
        epcBytes: 56 * 2 ** 20,
      }),
      tokens,
    }),
  )
  let onRegistered: () => void = () => undefined
  const kubeletDirectory = join(directory, 'k')
  await mkdir(kubeletDirectory)
  stack.use(
    await startStandInKubelet({
      directory: kubeletDirectory,
      onEvent: ({ event }) => {
        if (event === 'registered') onRegistered()
      },
    }),
  )
  const socket = join(directory, 'aesmd/aesm.socket')
  const running = stack.move()
  return {
    pluginSettings: {
      DEVICE_PLUGIN_EPC_MODE: 'devices',
      DEVICE_PLUGIN_KUBELET_DIR: kubeletDirectory,
      DEVICE_PLUGIN_SIMULATED_ROOT: root,
    },
    helperSettings: { QUOTE_HELPER_SOCKET: socket, QUOTE_HELPER_SIMULATED_ROOT: root },
    registered: signal =>
      new Promise((resolve, reject) => {
        onRegistered = resolve
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
    answering: signal => answering(socket, signal),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function answering(path: string, signal: AbortSignal): Promise<void> {
  const client = new AesmClient({ path })
  for (;;) {
    try {
      await client.supportedKeyIds(signal)
      return
    } catch (error) {
      if (!(error instanceof AesmTransportError)) throw error
      await setTimeout(POLL_MS, undefined, { signal })
    }
  }
}
