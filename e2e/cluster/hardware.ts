import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { command } from './command.ts'
import type { Hardware, StandInDevice } from './node-spec.ts'
import { writeNumaNodes } from './numa-nodes.ts'

// What a node reads of its hardware, laid over the machine's own inside the node's mount namespace.

/**
 * Numbers of the stand-ins, those of /dev/fuse: outside the list of devices that container runtimes open to every
 * container, so that the device cgroup decides who gets in; and a process without capabilities can open it.
 */
const STAND_IN = { major: 10, minor: 229 } as const

const ordinaryDevices = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['kmsg', 1, 11],
  ['tty', 5, 0],
] as const

/** Mounts a /dev of the node's own. */
export async function mountDev(devices: readonly StandInDevice[]): Promise<void> {
  await mkdir('/run/dev')
  await mount('-t', 'tmpfs', '-o', 'mode=755,size=64k', 'tmpfs', '/run/dev')
  for (const [name, major, minor] of ordinaryDevices) {
    await makeNode(`/run/dev/${name}`, { major, minor, mode: 0o666, gid: 0 })
  }
  for (const directory of ['pts', 'shm', 'mqueue']) await mkdir(`/run/dev/${directory}`)
  await mount('--bind', '/dev/pts', '/run/dev/pts')
  await mount('-t', 'tmpfs', 'tmpfs', '/run/dev/shm')
  const links = { ptmx: 'pts/ptmx', fd: '/proc/self/fd', stdin: 'fd/0', stdout: 'fd/1' }
  for (const [name, target] of Object.entries({ ...links, stderr: 'fd/2' })) {
    await command('ln', ['-s', target, `/run/dev/${name}`])
  }
  await mount('--move', '/run/dev', '/dev')
  for (const device of devices) await plugIn(device)
}

/** A device node appears, as when its driver is loaded. */
export async function plugIn(device: StandInDevice): Promise<void> {
  await mkdir(dirname(device.path), { recursive: true })
  await makeNode(device.path, { ...STAND_IN, ...device })
}

async function makeNode(
  path: string,
  node: { major: number; minor: number; mode: number; gid: number },
): Promise<void> {
  await command('mknod', [path, 'c', String(node.major), String(node.minor)])
  await chown(path, 0, node.gid)
  await chmod(path, node.mode)
}

/** EPC as the kernel counts it per NUMA node: over the machine's own /sys/devices/system/node, or, for several nodes, in its place. */
export async function mountEpc(directory: string, epcBytes: readonly number[]): Promise<void> {
  const system = '/sys/devices/system/node'
  if (epcBytes.length > 1) {
    const nodes = join(directory, 'numa')
    await writeNumaNodes(nodes, epcBytes)
    await mount('--bind', nodes, system)
    return
  }
  const upper = join(directory, 'epc')
  await rm(upper, { recursive: true, force: true })
  await mkdir(join(upper, 'work'), { recursive: true })
  for (const [node, bytes] of epcBytes.entries()) {
    const x86 = join(upper, 'upper', `node${node}`, 'x86')
    await mkdir(x86, { recursive: true })
    await writeFile(join(x86, 'sgx_total_bytes'), `${bytes}\n`)
  }
  await mkdir(join(upper, 'upper'), { recursive: true })
  const layers = `lowerdir=${system},upperdir=${join(upper, 'upper')},workdir=${join(upper, 'work')}`
  await mount('-t', 'overlay', '-o', layers, 'overlay', system)
}

/** /proc/cpuinfo, the operating system's name and the boot's id. */
export async function mountFacts(directory: string, hardware: Hardware): Promise<void> {
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8')
  await cover(directory, '/proc/cpuinfo', withFlags(cpuinfo, hardware.cpuFlags))
  const release = `PRETTY_NAME="${hardware.system}"\nNAME="Ubuntu"\nID=ubuntu\n`
  await cover(directory, '/etc/os-release', release)
  await cover(directory, '/proc/sys/kernel/random/boot_id', `${crypto.randomUUID()}\n`)
}

/** The flags of every CPU, without any of SGX that the machine itself may have, and with those given. */
export function withFlags(cpuinfo: string, added: readonly string[]): string {
  return cpuinfo.replaceAll(/^(flags\s*:)(.*)$/gm, (_line, name: string, flags: string) => {
    const kept = flags.split(' ').filter(flag => !flag.startsWith('sgx'))
    return [name + kept.join(' '), ...added].join(' ')
  })
}

async function cover(directory: string, path: string, text: string): Promise<void> {
  const file = join(directory, path.slice(1).replaceAll('/', '.'))
  await writeFile(file, text)
  await mount('--bind', file, path)
}

/** Mounts something, in the mount namespace that this process is in. */
export async function mount(...args: readonly string[]): Promise<void> {
  await command('mount', args)
}
