import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LevelStatus } from '@alcove/dcap'
import { type Host, mountedHost, readSgx, type SgxNode } from '@alcove/host'
import { aborted, type Log } from '@alcove/process'
import {
  createPlatform,
  newPlatformState,
  type Platform,
  platformIdOf,
  serveSimulatedPlatform,
} from '@alcove/simulator'
import { keysOfMount } from './sim-cluster.ts'

export interface SimulatorOptions {
  /** Where the node's file system is mounted; `/` unless told. */
  readonly hostRoot?: string
  /** Where the Secret with the seed and the authorities is mounted. */
  readonly keys: string
  /** The Kubernetes node's name: each node's platform has keys of its own, under one root. */
  readonly node: string
  /** Where the platform is served: `enclave/` and `provision/` below it are what Allocate mounts. */
  readonly directory: string
  readonly tcb: LevelStatus
}

/** While the node has no EPC or no enclave device, it is asked again. */
const POLL_MS = 2000

/**
 * The simulated platform of a cluster's node: serves it where Allocate mounts it from. All that it keeps is in the Secret, so
 * a process that takes another's place has the same keys; its tokens are others, and no enclave outlives it, as none
 * outlives a power cut.
 */
export async function simulatorCommand(
  options: SimulatorOptions,
  deps: { readonly log: Log; readonly stop: AbortSignal; readonly pollMs?: number },
): Promise<void> {
  const { log, stop, pollMs = POLL_MS } = deps
  const { hostRoot = '/', directory } = options
  const keys = await keysOfMount(options.keys)
  const node = await nodeWithEpc(simulatedAt(hostRoot), { log, stop, pollMs })
  if (node === undefined) return
  const platform = platformOf(options, keys, node.epc.bytes)
  const tokens = { enclave: token(), provision: token() }
  const path = join(directory, 'enclave/platform.socket')
  await using _server = await serveSimulatedPlatform({
    path,
    platform,
    tokens,
    mode: 0o666,
    beforeListening: async () => {
      await writeToken(join(directory, 'enclave'), tokens.enclave)
      await writeToken(join(directory, 'provision'), tokens.provision)
    },
    onEvent: ({ event, ...fields }) => log.info(event, fields),
  })
  const { platformId, cpuSvn, qeIsvSvn } = platform.state
  log.info('serving', {
    socket: path,
    epcBytes: node.epc.bytes,
    tcb: options.tcb,
    platform: platformId,
    cpuSvn: cpuSvn.toHex(),
    qeIsvSvn,
    simulated: true,
  })
  await aborted(stop)
}

/** The node as it is mounted. CPUID is not asked: it would answer for the machine below, which is not the one simulated. */
function simulatedAt(hostRoot: string): Host {
  return { ...mountedHost(hostRoot), cpuid: () => Promise.resolve(undefined) }
}

/** What the node has, once that is something: device nodes may be made, and EPC counted, after this process has started. */
async function nodeWithEpc(
  host: Host,
  { log, stop, pollMs }: { log: Log; stop: AbortSignal; pollMs: number },
): Promise<SgxNode | undefined> {
  for (let told = false; !stop.aborted; told = true) {
    const node = await readSgx(host)
    if (node.enclaveDevice !== undefined && node.epc.bytes > 0) return node
    if (!told) {
      const { epc, enclaveDevice } = node
      log.warn('nothing to serve', {
        enclaveDevice: enclaveDevice?.path ?? 'none',
        epcBytes: epc.bytes,
        reason: 'a simulated node has an SGX enclave device and counts its EPC in sysfs',
      })
    }
    await delay(pollMs, undefined, { signal: stop }).catch(() => undefined)
  }
  return undefined
}

function platformOf(
  { node, tcb }: SimulatorOptions,
  { seed, authorities, publication }: Awaited<ReturnType<typeof keysOfMount>>,
  epcBytes: number,
): Platform {
  const platformId = platformIdOf(node)
  return createPlatform({
    seed,
    now: () => new Date(),
    random: length => Uint8Array.from(randomBytes(length)),
    epcBytes,
    tcb,
    stored: authorities,
    platformId,
    state: newPlatformState(platformId, publication),
    publication: () => publication,
  })
}

/** What stands for opening a device: 256 bits that nobody can guess. */
function token(): string {
  return randomBytes(32).toString('hex')
}

/** Whole or not at all, and for every user: who was given the directory was given the device. */
async function writeToken(directory: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 })
  const draft = join(directory, `.${randomUUID()}`)
  await writeFile(draft, text, { flag: 'wx', mode: 0o444 })
  await chmod(draft, 0o444)
  await rename(draft, join(directory, 'token'))
}
