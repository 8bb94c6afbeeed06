import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterError } from './cluster-error.ts'

const ROOT = '/sys/fs/cgroup'

/** Makes the control group `path` (`/alcove-NAME/NODE`) under every controller, so that a kubelet may use it as its root. */
export async function openCgroup(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    let directory = hierarchy
    for (const part of path.split('/').filter(Boolean)) {
      await delegate(directory)
      const parent = directory
      directory = join(directory, part)
      await mkdir(directory, { recursive: true })
      await inheritCpus(parent, directory)
      await weigh(directory)
    }
    await delegate(directory)
  }
}

/** Ends what is left in a control group and removes it, with everything below. */
export async function closeCgroup(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, path))
}

/** One under cgroup v2; one per controller under v1. */
async function hierarchies(): Promise<readonly string[]> {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT]
  const entries = await readdir(ROOT, { withFileTypes: true })
  const found = entries.filter(entry => entry.isDirectory()).map(({ name }) => join(ROOT, name))
  if (found.length === 0) throw new ClusterError('ERR_CLUSTER_STATE', `no cgroups below ${ROOT}`)
  return found
}

/** cgroup v2 hands each controller down by name. */
async function delegate(directory: string): Promise<void> {
  const controllers = join(directory, 'cgroup.controllers')
  if (!existsSync(controllers)) return
  const names = (await readFile(controllers, 'utf8')).trim().split(' ').filter(Boolean)
  if (names.length === 0) return
  await writeFile(
    join(directory, 'cgroup.subtree_control'),
    names.map(name => `+${name}`).join(' '),
  )
}

/** cgroup v1 starts a cpuset without any CPU. */
async function inheritCpus(parent: string, directory: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(directory, 'cgroup.controllers'))) return
    if (existsSync(join(parent, file))) await copyFile(join(parent, file), join(directory, file))
  }
}

/**
 * A kubelet gives its pods 1,024 shares for each CPU, beside the daemons of its node. Nested in a group with the share of a
 * single process they would have next to nothing on a busy machine.
 */
async function weigh(directory: string): Promise<void> {
  const cpus = availableParallelism()
  const [v1, v2] = [join(directory, 'cpu.shares'), join(directory, 'cpu.weight')]
  if (existsSync(v1)) await writeFile(v1, String(cpus * 1024 * NODES))
  if (existsSync(v2)) await writeFile(v2, String(Math.min(10_000, cpus * 100 * NODES)))
}

/** As many as a cluster of the suite has. */
const NODES = 4

async function removeTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(join(directory, entry.name))
  }
  for (let tries = 0; existsSync(directory); tries++) {
    await endProcesses(directory)
    try {
      await rmdir(directory)
    } catch (cause) {
      if (tries >= 200) throw cause
      await sleep(20) // the kernel frees a group some time after its last process
    }
  }
}

async function endProcesses(directory: string): Promise<void> {
  const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '')
  for (const pid of text.split('\n').filter(Boolean).map(Number)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // gone meanwhile
    }
  }
}
