import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from './command.ts'
import { mount, mountDev, mountEpc, mountFacts } from './hardware.ts'
import { CONTAINERD, importCommand } from './import-image.ts'
import type { NodeBootSpec } from './node.ts'
import { keepRunning } from './supervise.ts'

/** The directories of a node that are on its disk, by the names that their programs use. */
const onDisk = [
  '/var/lib/kubelet',
  '/var/lib/containerd',
  '/var/lib/cni',
  '/etc/cni/net.d',
  '/opt/cni/bin',
  '/var/log/pods',
  '/var/log/containers',
]

/** Everything of a node's boot before its kubelet: file systems, devices, containerd. */
export async function bootInside(spec: NodeBootSpec): Promise<void> {
  await writeFile('/proc/sys/kernel/hostname', spec.name)
  for (const path of onDisk) await bindOwn(spec.directory, path)
  await mount('--bind', spec.cniBin, '/opt/cni/bin')
  await mount('--make-rshared', '/var/lib/kubelet')
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
  await mkdir('/run/netns')
  await mountDev(spec.hardware.devices)
  await mountEpc('/run', spec.hardware.epcBytes)
  await mountFacts('/run', spec.hardware)
  await writeFile('/etc/cni/net.d/10-pods.conflist', cniConfiguration(spec.podRange))
  void keepRunning(spec.containerd)
  await containerdIsUp(spec.ctr)
  await Promise.all(spec.images.map(archive => importOnce(spec, archive)))
}

async function bindOwn(directory: string, path: string): Promise<void> {
  const own = join(directory, 'disk', path)
  await mkdir(own, { recursive: true })
  await mkdir(path, { recursive: true })
  await mount('--bind', own, path)
}

async function containerdIsUp(ctr: string): Promise<void> {
  while (!existsSync(CONTAINERD)) await sleep(20)
  await command(ctr, ['--address', CONTAINERD, 'version'])
}

async function importOnce({ ctr, directory }: NodeBootSpec, archive: string): Promise<void> {
  const done = join(directory, `imported.${archive.replaceAll('/', '_')}`)
  if (existsSync(done)) return
  await command(...importCommand(ctr, archive))
  await writeFile(done, '')
}

function cniConfiguration(podRange: string): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: '/var/lib/cni/networks',
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  })
}
