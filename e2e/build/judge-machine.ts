import { type MachineFacts, neededCommands, type Trial } from './machine-facts.ts'

/** Something that the cluster needs and this machine lacks. */
export interface Shortfall {
  /** What is needed: `root`, `go`, `nft`. */
  readonly need: string
  /** What was found instead, and what it is for. */
  readonly found: string
  /** What to do where no package brings it. */
  readonly remedy?: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  /** True where apt has to fetch its lists of packages and nothing has to be installed. */
  readonly aptLists?: boolean
  /** False where a cluster may still come up. */
  readonly blocking: boolean
}

const GB = 1e9
const NEEDED = {
  coldBytes: 10 * GB,
  warmBytes: 2 * GB,
  memoryBytes: 4 * GB,
  /** kube-proxy's nftables mode refuses an older one. */
  kernel: '5.13',
} as const

/** linux/capability.h */
const CAPABILITIES: readonly (readonly [name: string, bit: number])[] = [
  ['CAP_CHOWN', 0],
  ['CAP_DAC_OVERRIDE', 1],
  ['CAP_FOWNER', 3],
  ['CAP_KILL', 5],
  ['CAP_SETGID', 6],
  ['CAP_SETUID', 7],
  ['CAP_NET_ADMIN', 12],
  ['CAP_SYS_CHROOT', 18],
  ['CAP_SYS_PTRACE', 19],
  ['CAP_SYS_ADMIN', 21],
  ['CAP_MKNOD', 27],
]

/** What each trial is for, and its remedy; one without a remedy has packages by its command. */
const TRIALS: Readonly<Record<Trial, readonly [purpose: string, remedy: string]>> = {
  namespaces: [
    'nodes live in namespaces of their own',
    'run on a machine, or in a privileged container',
  ],
  overlay: ['containers have overlayfs roots', 'modprobe overlay, on the machine itself'],
  device: [
    'stand-ins of SGX devices are character devices 10:229',
    'modprobe fuse, on the machine itself; in a container, allow devices: --privileged',
  ],
  bridge: ['nodes are joined by a bridge', 'modprobe bridge, on the machine itself'],
  veth: ['nodes are joined by veth pairs', 'modprobe veth, on the machine itself'],
  nftables: [
    'kube-proxy and CNI write nftables rules with masquerading',
    'modprobe -a nf_tables nft_chain_nat nft_masq, on the machine itself',
  ],
  busybox: ['the test image is busybox and nothing else', ''],
}

/** Everything that is missing, at once. @param oldestGo the oldest Go that the modules allow: `1.26.6` */
export function judgeMachine(facts: MachineFacts, oldestGo: string): readonly Shortfall[] {
  if (facts.platform !== 'linux' || facts.architecture !== 'x64') {
    const found = `this is ${facts.platform} ${facts.architecture}; namespaces and cgroups are Linux's, SGX is x86-64's`
    return [shortfall('Linux on x64', found, 'use such a machine, or a virtual one')]
  }
  return [
    ...judgeKernel(facts),
    ...judgePrivilege(facts),
    ...judgeGo(facts, oldestGo),
    ...judgeCommands(facts),
    ...judgeCgroups(facts),
    ...judgeTrials(facts),
    ...judgeRoom(facts),
  ]
}

/** The one command that installs what is missing, where packages can; undefined where none is missing. */
export function installCommand(shortfalls: readonly Shortfall[]): string | undefined {
  const packages = packagesOf(shortfalls)
  return packages.length === 0
    ? undefined
    : `apt-get install --yes --no-install-recommends ${packages.join(' ')}`
}

/** What apt-get is called with, one after another, so that less is missing; empty where it cannot help. */
export function installSteps(shortfalls: readonly Shortfall[]): readonly (readonly string[])[] {
  const packages = packagesOf(shortfalls)
  if (packages.length > 0) {
    return [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]
  }
  return shortfalls.some(({ aptLists }) => aptLists === true) ? [['update']] : []
}

export function packagesOf(shortfalls: readonly Shortfall[]): readonly string[] {
  return [...new Set(shortfalls.flatMap(({ packages }) => packages))].toSorted()
}

/** Numbers by their value: 1.9 < 1.26 < 1.26.6. */
export function isOlder(version: string, than: string): boolean {
  const [own, other] = [version, than].map(text =>
    text.split(/[^0-9]+/, 3).map(word => Number(word) || 0),
  )
  for (const index of [0, 1, 2]) {
    const difference = (own?.[index] ?? 0) - (other?.[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

function shortfall(need: string, found: string, remedy: string): Shortfall {
  return { need, found, remedy, packages: [], blocking: true }
}

function missing(need: string, found: string, packages: readonly string[]): Shortfall {
  return { need, found, packages, blocking: true }
}

function* judgeKernel({ kernel }: MachineFacts): Generator<Shortfall> {
  if (isOlder(kernel, NEEDED.kernel))
    yield shortfall(
      `a kernel from ${NEEDED.kernel}`,
      `${kernel}; kube-proxy's nftables mode refuses it`,
      'boot a newer one',
    )
}

function* judgePrivilege({ uid, capabilities }: MachineFacts): Generator<Shortfall> {
  if (uid !== 0) {
    yield shortfall(
      'root',
      `uid ${uid}; kubelets and containerd mount, and make namespaces and device nodes`,
      'sudo env "PATH=$PATH" npm run …, so that the path to Go is kept',
    )
    return
  }
  const lacking = CAPABILITIES.filter(([, bit]) => ((capabilities >> BigInt(bit)) & 1n) === 0n)
  if (lacking.length > 0)
    yield shortfall(
      'capabilities of root',
      `no ${lacking.map(([name]) => name).join(', ')}, as in an ordinary container`,
      'run on a machine, or in a privileged container',
    )
}

function* judgeGo(facts: MachineFacts, oldestGo: string): Generator<Shortfall> {
  const { goVersion, goOutsidePath } = facts
  if (goVersion !== undefined && !isOlder(goVersion, oldestGo)) return
  const need = `Go ${oldestGo} or later`
  if (goVersion === undefined && goOutsidePath !== undefined) {
    const directory = goOutsidePath.replace(/\/go$/, '')
    yield shortfall(need, `${goOutsidePath} is not in PATH`, `export PATH=${directory}:$PATH`)
    return
  }
  yield shortfall(
    need,
    `${goVersion ?? 'none in PATH'}; Kubernetes, containerd and etcd are built here`,
    "unpack it from https://go.dev/dl/ into /usr/local, and put /usr/local/go/bin into PATH; a distribution's golang is often older",
  )
}

function* judgeCommands(facts: MachineFacts): Generator<Shortfall> {
  for (const [command, packages] of neededCommands)
    if (!facts.commands.has(command)) yield missing(command, 'not in PATH', packages)
  if (!facts.libseccomp)
    yield missing('libseccomp', 'no header; runc is built with it', ['libseccomp-dev'])
  if (!facts.certificateAuthorities)
    yield missing('certificate authorities', 'none; modules come by HTTPS', ['ca-certificates'])
  if (!facts.prometheus)
    yield {
      ...shortfall(
        'prometheus',
        'neither in PATH nor in the cache, and apt does not know it; the monitoring story asks it',
        'apt-get update, and it is fetched into the cache by itself, where it starts nothing; or put prometheus and promtool into PATH',
      ),
      aptLists: true,
    }
}

function* judgeCgroups({ cgroups }: MachineFacts): Generator<Shortfall> {
  const { version, controllers, writable } = cgroups
  const remedy = 'run on a machine, or in a privileged container with its cgroups writable'
  if (version === undefined) {
    yield shortfall('cgroups', 'none mounted at /sys/fs/cgroup', remedy)
    return
  }
  // v2 has no devices controller: there it is a BPF program.
  const needed = ['cpu', 'cpuset', 'memory', 'pids', ...(version === 1 ? ['devices'] : [])]
  const lacking = needed.filter(one => !controllers.includes(one))
  if (lacking.length > 0)
    yield shortfall('cgroup controllers', `v${version} without ${lacking.join(', ')}`, remedy)
  if (!writable) yield shortfall('writable cgroups', `v${version}, mounted read-only`, remedy)
}

function* judgeTrials({ trials, commands }: MachineFacts): Generator<Shortfall> {
  for (const [trial, said] of trials) {
    if (said === undefined) continue
    const [purpose, remedy] = TRIALS[trial]
    // A missing command has been named already.
    if (trial === 'busybox' && commands.has('busybox'))
      yield missing('a static busybox', `${said}; ${purpose}`, ['busybox-static'])
    else if (trial === 'nftables' && !commands.has('nft')) continue
    else if (trial !== 'busybox') yield shortfall(trial, `${said}; ${purpose}`, remedy)
  }
}

function* judgeRoom({ freeBytes, memoryBytes, built }: MachineFacts): Generator<Shortfall> {
  const needed = built ? NEEDED.warmBytes : NEEDED.coldBytes
  if (freeBytes < needed)
    yield shortfall(
      `${needed / GB} GB of disk`,
      `${(freeBytes / GB).toFixed(1)} GB free${built ? '' : '; the first build fills the caches of Go too'}`,
      'make room, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a larger disk',
    )
  if (memoryBytes < NEEDED.memoryBytes)
    yield {
      ...shortfall(
        `${NEEDED.memoryBytes / GB} GB of memory`,
        `${(memoryBytes / GB).toFixed(1)} GB; three nodes take 2 GB, and linking a kubelet 2 GB more`,
        'expect it to be slow, or to be killed',
      ),
      blocking: false,
    }
}
