import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { closeCgroup, openCgroup } from './cgroups.ts'
import { type ClusterLayout, cgroupOf, kubeconfigOf, namespaceOf, nodeDirectory } from './layout.ts'
import { startMachine, stopMachine } from './machine.ts'
import { API_SERVER, addressOf, closeNodeNetwork, openNodeNetwork, podRangeOf } from './network.ts'
import type { Hardware, NodeSpec } from './node-spec.ts'
import { issue, kubeconfig } from './pki.ts'
import type { Daemon } from './supervise.ts'

/** What a node's boot module reads. */
export interface NodeBootSpec {
  readonly role: 'node'
  readonly name: string
  /** Its files on the machine's disk: what a reboot keeps. */
  readonly directory: string
  readonly cniBin: string
  readonly podRange: string
  readonly hardware: Hardware
  /** OCI archives that containerd gets before anything else runs. */
  readonly images: readonly string[]
  readonly containerd: Daemon
  readonly ctr: string
  readonly daemons: readonly Daemon[]
}

export interface NodeParts {
  readonly kubernetesBin: string
  readonly runtimeBin: string
  readonly cniBin: string
  readonly images: readonly string[]
  /** The program, where it was wanted. */
  readonly helm?: string | undefined
}

/** A node with containerd, kube-proxy and a kubelet, in namespaces of its own. */
export async function startNode(
  layout: ClusterLayout,
  spec: NodeSpec,
  parts: NodeParts,
): Promise<void> {
  const directory = nodeDirectory(layout, spec.name)
  await mkdir(directory, { recursive: true })
  await issue(layout.pki, {
    name: spec.name,
    subject: `/O=system:nodes/CN=system:node:${spec.name}`,
    alternativeNames: [`IP:${addressOf(spec.number)}`, `DNS:${spec.name}`],
  })
  const config = kubeconfig(layout.pki, spec.name, API_SERVER)
  await writeFile(kubeconfigOf(layout, spec.name), config, { mode: 0o600 })
  await openNodeNetwork(layout, spec)
  await writeConfigurations(layout, spec, parts)
  await writeFile(join(directory, 'boot.json'), JSON.stringify(bootSpec(layout, spec, parts)))
  await bootNode(layout, spec.name)
}

/** Boots a node that was set up before: everything on its disk is still there, everything in its memory is not. */
export async function bootNode(layout: ClusterLayout, name: string): Promise<void> {
  const directory = nodeDirectory(layout, name)
  const cgroup = `${cgroupOf(layout)}/${name}`
  await closeCgroup(cgroup) // a kernel that boots knows none; a kubelet looks at each that is left for three seconds
  await openCgroup(cgroup)
  await startMachine({
    directory,
    networkNamespace: namespaceOf(layout, name),
    bootModule: join(import.meta.dirname, 'boot.ts'),
    bootSpec: join(directory, 'boot.json'),
  })
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Takes one node down for good: its processes, its network and its control group. Its object in the API server stays. */
export async function removeNode(layout: ClusterLayout, name: string): Promise<void> {
  const directory = nodeDirectory(layout, name)
  await stopMachine(directory)
  await closeNodeNetwork(layout, name)
  await closeCgroup(`${cgroupOf(layout)}/${name}`)
  await rm(directory, { recursive: true, force: true })
}

function bootSpec(layout: ClusterLayout, spec: NodeSpec, parts: NodeParts): NodeBootSpec {
  const { name, number, hardware } = spec
  const directory = nodeDirectory(layout, name)
  const { kubernetesBin, runtimeBin } = parts
  const daemon = (program: string, args: readonly string[]): Daemon => {
    const called = program.slice(program.lastIndexOf('/') + 1)
    const log = join(directory, `${called}.log`)
    return { name: called, program, args, log, restartMs: 300 }
  }
  const labels = Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`)
  return {
    role: 'node',
    name,
    directory,
    cniBin: parts.cniBin,
    podRange: podRangeOf(number),
    hardware,
    images: parts.images,
    ctr: join(runtimeBin, 'ctr'),
    containerd: {
      ...daemon(join(runtimeBin, 'containerd'), []),
      program: 'env', // containerd looks for its shim there
      args: [
        `PATH=${runtimeBin}:${SYSTEM_PATH}`,
        join(runtimeBin, 'containerd'),
        `--config=${join(directory, 'containerd.toml')}`,
      ],
    },
    daemons: [
      daemon(join(kubernetesBin, 'kube-proxy'), [
        `--config=${join(directory, 'kube-proxy.json')}`,
        `--hostname-override=${name}`,
      ]),
      daemon(join(kubernetesBin, 'kubelet'), [
        `--config=${join(directory, 'kubelet.json')}`,
        `--kubeconfig=${kubeconfigOf(layout, name)}`,
        `--node-ip=${addressOf(number)}`,
        `--hostname-override=${name}`,
        `--node-labels=${labels.join(',')}`,
        '--v=2',
      ]),
    ],
  }
}

async function writeConfigurations(
  layout: ClusterLayout,
  spec: NodeSpec,
  { runtimeBin }: NodeParts,
): Promise<void> {
  const at = (file: string): string => join(nodeDirectory(layout, spec.name), file)
  await writeFile(at('kubelet.json'), JSON.stringify(kubeletConfiguration(layout, spec)))
  await writeFile(at('kube-proxy.json'), JSON.stringify(proxyConfiguration(layout)))
  await writeFile(at('containerd.toml'), containerdConfiguration(runtimeBin))
}

function kubeletConfiguration(layout: ClusterLayout, spec: NodeSpec): Record<string, unknown> {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      x509: { clientCAFile: join(layout.pki, 'ca.crt') },
      webhook: { enabled: true },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(layout.pki, `${spec.name}.crt`),
    tlsPrivateKeyFile: join(layout.pki, `${spec.name}.key`),
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `${cgroupOf(layout)}/${spec.name}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0, // lowering it needs CAP_SYS_RESOURCE, which a root user may lack
    clusterDomain: 'cluster.local',
    resolvConf: '', // there is no DNS in the cluster
    enforceNodeAllocatable: ['pods'],
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
    },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    serializeImagePulls: false,
    ...spec.kubelet,
  }
}

function proxyConfiguration(layout: ClusterLayout): Record<string, unknown> {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: kubeconfigOf(layout, 'proxy') },
    mode: 'nftables',
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
}

function containerdConfiguration(runtimeBin: string): string {
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "alcove.dev/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "${runtimeBin}/runc"
      SystemdCgroup = false
`
}
