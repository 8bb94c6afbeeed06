import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ClusterError } from './cluster-error.ts'
import { command } from './command.ts'

/** A control plane, or a node: a process tree in network, mount, PID, UTS and IPC namespaces of its own. */
export interface Machine {
  /** Its files; `machine.json` in it names the process that holds the namespaces, `boot.log` what booting says. */
  readonly directory: string
  /** The network namespace that it is in. */
  readonly networkNamespace: string
  /** The module that boots it, and what that module reads. */
  readonly bootModule: string
  readonly bootSpec: string
}

const Holder = z.object({ pid: z.number(), startTime: z.string() })

/** PID 1 of a machine: it takes in orphans, as an init does, and ends with the boot module, and everything else with it. */
const INIT = '"$@" & wait $!'

const FLAGS = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Starts the machine; it goes on when this process ends. */
export async function startMachine(machine: Machine): Promise<void> {
  const { directory, networkNamespace } = machine
  await mkdir(directory, { recursive: true, mode: 0o755 })
  await using log = await open(join(directory, 'boot.log'), 'a')
  const boot = [process.execPath, machine.bootModule, machine.bootSpec]
  const inside = [...FLAGS, '--propagation', 'private', '/bin/sh', '-c', INIT, 'init', ...boot]
  const child: ChildProcess = spawn(
    'nsenter',
    [`--net=/run/netns/${networkNamespace}`, '--', 'unshare', ...inside],
    { detached: true, cwd: '/', stdio: ['ignore', log.fd, log.fd] },
  )
  await once(child, 'spawn')
  child.unref()
  const { pid } = child
  const startTime = pid === undefined ? undefined : await startTimeOf(pid)
  if (pid === undefined || startTime === undefined) {
    throw new ClusterError('ERR_CLUSTER_STATE', `${directory}: ended at once; see its boot.log`)
  }
  const draft = join(directory, '.machine.json')
  await writeFile(draft, JSON.stringify({ pid, startTime }))
  await rename(draft, join(directory, 'machine.json'))
}

/** Ends every process of the machine at once, as pulling the plug does; nothing happens where it is down. */
export async function stopMachine(directory: string): Promise<void> {
  const pid = await holderOf(directory)
  if (pid !== undefined) {
    const init = await childrenOf(pid)
    process.kill(pid, 'SIGKILL')
    for (const one of [pid, ...init]) while (await isThere(one)) await sleep(10)
  }
  await rm(join(directory, 'machine.json'), { force: true })
}

/** The machine's PID 1, as seen from outside; `undefined` where it is down. */
export async function initOf(directory: string): Promise<number | undefined> {
  const holder = await holderOf(directory)
  return holder === undefined ? undefined : (await childrenOf(holder))[0]
}

/** Runs a program inside the machine. */
export async function inMachine(
  directory: string,
  program: string,
  args: readonly string[],
): Promise<string> {
  const init = await initOf(directory)
  if (init === undefined) throw new ClusterError('ERR_CLUSTER_NOT_UP', `${directory} is down`)
  const target = ['--target', String(init), '--mount', '--uts', '--ipc', '--net', '--pid']
  return command('nsenter', [...target, '--', program, ...args])
}

/** The processes with that name that the machine's boot module keeps running: pids as seen from outside. */
export async function daemonsOf(directory: string, name: string): Promise<readonly number[]> {
  const init = await initOf(directory)
  if (init === undefined) return []
  const found: number[] = []
  for (const boot of await childrenOf(init)) {
    for (const pid of await childrenOf(boot)) if ((await nameOf(pid)) === name) found.push(pid)
  }
  return found
}

async function holderOf(directory: string): Promise<number | undefined> {
  const text = await orAbsent(readFile(join(directory, 'machine.json'), 'utf8'))
  if (text === undefined) return undefined
  const { pid, startTime } = Holder.parse(JSON.parse(text))
  return (await startTimeOf(pid)) === startTime ? pid : undefined
}

/** When the process was started, in the kernel's ticks: with it a pid names one process for ever. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await orAbsent(readFile(`/proc/${pid}/stat`, 'utf8'))
  const afterName = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return afterName?.[0] === 'Z' ? undefined : afterName?.[19]
}

async function isThere(pid: number): Promise<boolean> {
  return (await startTimeOf(pid)) !== undefined
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await orAbsent(readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
  return (text ?? '').split(' ').filter(Boolean).map(Number)
}

async function nameOf(pid: number): Promise<string | undefined> {
  return (await orAbsent(readFile(`/proc/${pid}/comm`, 'utf8')))?.trim()
}

async function orAbsent<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw cause
  }
}
