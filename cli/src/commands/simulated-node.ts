import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TcbStatus } from '@alcove/dcap'
import { readSgx, simulatedHost } from '@alcove/host'
import { aborted, type Log } from '@alcove/process'
import {
  createPlatform,
  parseStoredAuthorities,
  type StoredAuthorities,
  serveSimulatedPlatform,
} from '@alcove/simulator'
import { openState, readSeed } from '../state.ts'

export interface SimulatedNodeOptions {
  readonly root: string
  readonly state: string
  readonly tcb: TcbStatus
}

/** The process of a simulated node's hardware: EPC, keys, quoting enclaves and certification, behind one socket. */
export async function simulatedNodeCommand(
  options: SimulatedNodeOptions,
  deps: { log: Log; stop: AbortSignal },
): Promise<void> {
  await openState(options.state)
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
  const node = await readSgx(await simulatedHost(options.root))
  const platform = createPlatform({
    seed: await readSeed(options.state, random),
    now: () => new Date(),
    random,
    epcBytes: node.epc.bytes,
    tcb: options.tcb,
    ...(await readAuthorities(options.state)),
  })
  await keepAuthorities(options.state, platform.stored())
  const directory = join(options.root, 'run/alcove-simulator')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'platform.socket')
  await using _server = await serveSimulatedPlatform({
    path,
    platform,
    tokens: {
      enclave: await readFile(join(options.root, 'dev/sgx_enclave'), 'utf8'),
      provision: await readFile(join(options.root, 'dev/sgx_provision'), 'utf8'),
    },
    onEvent: ({ event, ...fields }) => deps.log.info(event, fields),
  })
  deps.log.info('serving', {
    socket: path,
    epcBytes: node.epc.bytes,
    tcb: options.tcb,
    simulated: true,
  })
  await aborted(deps.stop)
}

/** The simulated authorities' certificates are kept, so that every node of this state has one root certificate. */
const AUTHORITIES = 'authorities.json'

async function readAuthorities(state: string): Promise<{ stored?: StoredAuthorities }> {
  const json = await orAbsent(readFile(join(state, AUTHORITIES), 'utf8'))
  return json === undefined ? {} : { stored: parseStoredAuthorities(json) }
}

async function keepAuthorities(state: string, stored: StoredAuthorities): Promise<void> {
  const path = join(state, AUTHORITIES)
  if ((await orAbsent(readFile(path))) !== undefined) return
  const draft = `${path}.${process.pid}`
  await writeFile(draft, JSON.stringify(stored), { mode: 0o600 })
  await rename(draft, path)
}

async function orAbsent<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}
