import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LevelStatus } from '@alcove/dcap'
import { readSgx, type SgxDevice, simulatedHost } from '@alcove/host'
import { aborted, type Log } from '@alcove/process'
import {
  createPlatform,
  defaultPlatformId,
  isSameState,
  type Platform,
  type PlatformState,
  serveSimulatedPlatform,
} from '@alcove/simulator'
import { UsageError } from '../exit.ts'
import { openState, readSeed } from '../state.ts'
import {
  announce,
  openPlatformState,
  readAuthorities,
  readPlatformState,
  readPublication,
  requirePlatformId,
} from './sim-state.ts'

export interface SimulatedNodeOptions {
  readonly root: string
  readonly state: string
  readonly tcb: LevelStatus
  /** Which of the state directory's platforms this is: each has keys of its own, under one root; `node` unless told. */
  readonly platform?: string
}

/** The process of a simulated node's hardware: EPC, keys, quoting enclaves and certification, behind one socket. */
export async function simulatedNodeCommand(
  options: SimulatedNodeOptions,
  deps: { log: Log; stop: AbortSignal },
): Promise<void> {
  const { root, state, tcb } = options
  const platformId = requirePlatformId(options.platform ?? defaultPlatformId)
  await openState(state)
  const node = await readSgx(await simulatedHost(root))
  const start = await platformStarter(state, { epcBytes: node.epc.bytes, tcb })
  let running = await openPlatformState(state, platformId)
  const reload = (served: Platform): Platform => {
    const found = readPlatformState(state, platformId)
    if (isSameState(found, running)) return served
    running = found
    deps.log.info('restarted', svnsOf(found))
    return start(found)
  }
  const directory = join(root, 'run/alcove-simulator')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'platform.socket')
  await using _server = await serveSimulatedPlatform({
    path,
    platform: start(running),
    tokens: {
      enclave: await tokenOf(root, node.enclaveDevice),
      provision: await tokenOf(root, node.provisionDevice),
    },
    reload,
    onEvent: ({ event, ...fields }) => deps.log.info(event, fields),
  })
  await using _announced = await announce(state, platformId, path)
  deps.log.info('serving', {
    socket: path,
    epcBytes: node.epc.bytes,
    tcb,
    ...svnsOf(running),
    simulated: true,
  })
  await aborted(deps.stop)
}

/** What the stand-in for a device node holds: whoever can read it has the device. */
async function tokenOf(root: string, device: SgxDevice | undefined): Promise<string> {
  if (device === undefined) {
    const missing = `--root ${root}: this simulated node has no enclave or no provision device`
    throw new UsageError(`${missing}, so there is no platform behind it`)
  }
  return readFile(join(root, device.path), 'utf8')
}

/** How the platform is started, now and whenever its state is another. */
async function platformStarter(
  state: string,
  { epcBytes, tcb }: { epcBytes: number; tcb: LevelStatus },
): Promise<(of: PlatformState) => Platform> {
  const now = () => new Date()
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
  const seed = await readSeed(state, random)
  const stored = await readAuthorities(state, seed, now())
  const publication = () => readPublication(state)
  return of => {
    const { platformId } = of
    return createPlatform({
      seed,
      now,
      random,
      epcBytes,
      tcb,
      stored,
      platformId,
      state: of,
      publication,
    })
  }
}

function svnsOf({ platformId, cpuSvn, qeIsvSvn }: PlatformState): Record<string, string | number> {
  return { platform: platformId, cpuSvn: cpuSvn.toHex(), qeIsvSvn }
}
