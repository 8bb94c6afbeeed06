import { readFileSync, type Stats, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ByteReader } from '@alcove/bytes'
import { orAbsent } from './absence.ts'
import { type ExecuteCpuid, loadExecuteCpuid } from './cpuid-code.ts'
import type { CpuidReading, FileAccess, Host } from './host.ts'
import { HostError } from './host-error.ts'

/**
 * The node as mounted at `root`: `/host` in a DaemonSet, `/` in a process of the node itself. `..` does not lead above
 * the root; symbolic links are followed as the kernel does, so an absolute one leads out of a mount.
 *
 * CPUID is asked of /dev/cpu/0/cpuid below the root, and where that is not there or not for this process, executed here
 * if `executeCpuid` says that the machine under this process is the node. Then what /proc says of the kernel is read of this
 * process's own where the root has none: a container's kernel is the node's.
 */
export function mountedHost(root: string, options: MountedHostOptions = {}): Host {
  const below = (path: string) => join(root, resolve('/', path))
  const askNode: Cpuid = (leaf, subleaf) =>
    orAbsent(cpuidPath, cpuidOf(below(cpuidPath), leaf, subleaf))
  return {
    read: async path => {
      const found = await orAbsent(path, readFile(below(path)))
      const own = options.executeCpuid === true && found === undefined && ofTheKernel.has(path)
      return own ? orAbsent(path, readFile(path)) : found
    },
    isCharDevice: async path =>
      (await orAbsent(path, stat(below(path)).catch(inCircles)))?.isCharacterDevice() ?? false,
    access: async path => accessOf(await orAbsent(path, stat(below(path)))),
    cpuid: options.executeCpuid === true ? orExecuted(askNode) : askNode,
  }
}

export interface MountedHostOptions {
  /** Never where the node is simulated: this process would answer for another machine. */
  readonly executeCpuid?: boolean
}

const ofTheKernel: ReadonlySet<string> = new Set([
  '/proc/cmdline',
  '/proc/config.gz',
  '/proc/self/auxv',
  '/proc/sys/kernel/osrelease',
])

/**
 * Synchronously: these are a few hundred bytes of the kernel's own, and a daemon that looks at twenty of them every few seconds would spend most of
 * its CPU time on waking the thread pool.
 */
const readFile = async (path: string): Promise<Uint8Array> => readFileSync(path)
const stat = async (path: string): Promise<Stats> => statSync(path)

type Cpuid = Host['cpuid']

/** Asks the node, and executes CPUID in this process where the node does not answer. */
function orExecuted(askNode: Cpuid): Cpuid {
  let loading: Promise<ExecuteCpuid | undefined> | undefined
  return async (leaf, subleaf) => {
    const answer = await settled(askNode(leaf, subleaf))
    if (answer.value !== undefined) return answer.value
    loading ??= loadExecuteCpuid()
    const execute = await loading.catch(refused)
    if (execute !== undefined) return { ...execute(leaf, subleaf), executed: true }
    if (answer.error !== undefined) throw answer.error
    return undefined
  }
}

/** What the node answered; of its errors, only that it is not for this process, which executing makes up for. */
async function settled(
  asking: Promise<CpuidReading | undefined>,
): Promise<{ readonly value?: CpuidReading | undefined; readonly error?: HostError }> {
  try {
    return { value: await asking }
  } catch (error) {
    if (error instanceof HostError && error.forbidden) return { error }
    throw error
  }
}

function refused(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause)
  const detail = `CPUID cannot be asked there, nor executed by this process: ${why}`
  throw new HostError('ERR_HOST_READ', cpuidPath, detail, { cause, forbidden: true })
}

/** For `.catch`: links that lead in circles lead to no device. */
function inCircles(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ELOOP')) throw error
}

/** What `stat` says of who may open a file. */
export function accessOf(stats: Stats | undefined): FileAccess | undefined {
  return stats && { gid: stats.gid, mode: stats.mode & 0o7777 }
}

const cpuidPath = '/dev/cpu/0/cpuid'

/** cpuid(4): 16 bytes at the position whose low 32 bits are the leaf and whose high 32 bits are the subleaf. */
async function cpuidOf(path: string, leaf: number, subleaf: number): Promise<CpuidReading> {
  await using file = await open(path, 'r')
  const buffer = new Uint8Array(16)
  const position = (BigInt(subleaf) << 32n) | BigInt(leaf)
  const { bytesRead } = await file.read({ buffer, position })
  const reader = new ByteReader(buffer.subarray(0, bytesRead), 'cpuid')
  return {
    eax: reader.u32le('eax'),
    ebx: reader.u32le('ebx'),
    ecx: reader.u32le('ecx'),
    edx: reader.u32le('edx'),
  }
}
