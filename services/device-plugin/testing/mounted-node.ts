// For this package's tests: a node as a DaemonSet's pod sees it, with device nodes made by mknod, and the plugin's process on it.
import { execFile } from 'node:child_process'
import { chmod, chown, lstat, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type StandInKubelet, startStandInKubelet } from '@alcove/kubelet'
import { jsonLog } from '@alcove/process'
import { runDevicePlugin } from '../src/index.ts'

/** Why tests that make device nodes cannot run here, or `false`. */
export const cannotMakeNodes: string | false =
  process.getuid?.() !== 0 && 'needs root, to make device nodes'

export interface Access {
  readonly mode?: number
  readonly gid?: number
}

export interface MountedNode {
  readonly root: string
  readonly kubelet: StandInKubelet
  readonly kubeletDirectory: string
  readonly cdiDirectory: string
  /** What the plugin has logged so far. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  /** A character device, of a number that no driver has. */
  device(path: string, access?: Access): Promise<void>
  remove(path: string): Promise<void>
  write(path: string, text: string): Promise<void>
  /** EPC of NUMA nodes 0, 1, … in MiB. */
  epc(...mib: number[]): Promise<void>
  /** Starts the plugin; it ends with the test. */
  start(environment?: Readonly<Record<string, string>>): void
  /** Ends the plugin, and waits until it has ended. */
  stop(): Promise<void>
}

const cpuinfo = 'vendor_id\t: GenuineIntel\nmodel name\t: X\nflags\t\t: fpu sgx sgx_lc fsgsbase\n'

/** A node with nothing of SGX but what /proc/cpuinfo says. */
export async function mountedNode(t: TestContext): Promise<MountedNode> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-plugin-'))
  const root = join(directory, 'host')
  const at = (path: string) => join(root, path)
  const kubeletDirectory = join(directory, 'device-plugins')
  const cdiDirectory = join(directory, 'cdi')
  const kubelet = await startStandInKubelet({
    directory: kubeletDirectory,
    behaviour: { admitFromMs: 0 },
  })
  const events: Record<string, unknown>[] = []
  let stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const node: MountedNode = {
    root,
    kubelet,
    kubeletDirectory,
    cdiDirectory,
    events,
    device: async (path, { mode = 0o666, gid = 0 } = {}) => {
      const made = join(directory, 'made')
      await promisify(execFile)('mknod', [made, 'c', '240', '0'])
      await chown(made, 0, gid)
      await chmod(made, mode)
      await replace(made, at(path))
    },
    remove: path => rm(at(path), { recursive: true, force: true }),
    write: async (path, text) => {
      const made = join(directory, 'made')
      await writeFile(made, text)
      await replace(made, at(path))
    },
    epc: async (...mib) => {
      await node.write('/sys/devices/system/node/online', `0-${mib.length - 1}\n`)
      for (const [number, size] of mib.entries()) {
        const file = `/sys/devices/system/node/node${number}/x86/sgx_total_bytes`
        await node.write(file, `${size * 2 ** 20}\n`)
      }
    },
    start: environment => {
      stopping = new AbortController()
      running = runDevicePlugin({
        environment: {
          DEVICE_PLUGIN_EPC_MODE: 'devices',
          DEVICE_PLUGIN_KUBELET_DIR: kubeletDirectory,
          DEVICE_PLUGIN_HOST_ROOT: root,
          // the machine under the tests is another than the node: its CPUID is not asked
          DEVICE_PLUGIN_PLATFORM: 'simulated',
          DEVICE_PLUGIN_CDI_DIR: cdiDirectory,
          ...environment,
        },
        log: jsonLog('device-plugin', { write: line => void events.push(JSON.parse(line)) }),
        stop: stopping.signal,
        lookMs: 20,
      })
    },
    stop: async () => {
      stopping.abort()
      await running
    },
  }
  t.after(async () => {
    await node.stop()
    await kubelet[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })
  await node.write('/proc/cpuinfo', cpuinfo)
  return node
}

/** In one step, so that the plugin never sees the path without anything; but for a directory, which is removed first. */
async function replace(made: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  if ((await lstat(path).catch(() => undefined))?.isDirectory()) await rm(path, { recursive: true })
  await rename(made, path)
}

/** Resolves once the plugin has logged such an event; throws what it has logged where that takes half a minute. */
export async function logged(
  node: MountedNode,
  event: string,
  matches: (fields: Readonly<Record<string, unknown>>) => boolean = () => true,
): Promise<Readonly<Record<string, unknown>>> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const found = node.events.find(one => one['event'] === event && matches(one))
    if (found !== undefined) return found
    await delay(5)
  }
  throw new Error(`no event '${event}' in ${JSON.stringify(node.events)}`)
}
