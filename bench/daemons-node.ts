import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AesmClient, AesmTransportError } from '../packages/aesm/src/index.ts'
import {
  createPlatform,
  serveSimulatedPlatform,
  writeSimulatedRoot,
} from '../packages/simulator/src/index.ts'
import { startBenchApi } from './bench-api.ts'
import { freePort, probe } from './probing.ts'
import { RestartingKubelet } from './restarting-kubelet.ts'

/** What the daemons need around them: a simulated node of AKS's smallest size, an API server and kubelets that stand in. */
export interface DaemonsNode extends AsyncDisposable {
  readonly pluginSettings: Readonly<Record<string, string>>
  readonly helperSettings: Readonly<Record<string, string>>
  /** The device plugin's. */
  readonly kubelet: RestartingKubelet
  /** The bare plugin's, with the resource that it offers. */
  readonly bareKubelet: RestartingKubelet
  readonly bareResource: string
  /** Resolves when the device plugin's kubelet has accepted both of its next registrations. Its Node has no EPC before. */
  serving(signal: AbortSignal): Promise<void>
  /** Resolves when the helper's socket has answered a request. */
  answering(signal: AbortSignal): Promise<void>
}

const BARE_RESOURCE = 'bench.alcove.dev/bare'
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
  const kubelet = stack.use(
    await RestartingKubelet.start(join(directory, 'k'), [
      'sgx.intel.com/enclave',
      'sgx.intel.com/provision',
    ]),
  )
  const bareKubelet = stack.use(
    await RestartingKubelet.start(join(directory, 'b'), [BARE_RESOURCE]),
  )
  const api = stack.use(await startBenchApi(join(directory, 'api')))
  const probePort = await freePort()
  stack.use(probe(probePort))
  const socket = join(directory, 'aesmd/aesm.socket')
  const running = stack.move()
  return {
    pluginSettings: {
      ...api.environment,
      DEVICE_PLUGIN_KUBELET_DIR: kubelet.directory,
      DEVICE_PLUGIN_SIMULATED_ROOT: root,
      DEVICE_PLUGIN_PROBE_PORT: String(probePort),
    },
    helperSettings: { QUOTE_HELPER_SOCKET: socket, QUOTE_HELPER_SIMULATED_ROOT: root },
    kubelet,
    bareKubelet,
    bareResource: BARE_RESOURCE,
    serving: signal => {
      api.renew()
      return kubelet.registered(signal)
    },
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
