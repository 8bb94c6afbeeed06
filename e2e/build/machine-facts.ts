/** What of a machine decides whether it can carry a cluster, as it was read; nothing is judged here. */
export interface MachineFacts {
  /** As Node names them: `linux`, `x64`. */
  readonly platform: string
  readonly architecture: string
  /** The kernel's release: `6.18.5`. */
  readonly kernel: string
  /** `ID` and `ID_LIKE` of os-release: `ubuntu`, `debian`. */
  readonly distributions: readonly string[]
  readonly uid: number
  /** Effective capabilities, as a mask of their numbers. */
  readonly capabilities: bigint
  /** Of `neededCommands`, those in PATH. */
  readonly commands: ReadonlySet<string>
  /** `1.26.8`; undefined where PATH has none. */
  readonly goVersion: string | undefined
  /** A Go that is installed where PATH does not lead, as under sudo. */
  readonly goOutsidePath: string | undefined
  /** Whether pkg-config finds libseccomp, with its header. */
  readonly libseccomp: boolean
  /** Whether there is a bundle of certificate authorities, by which Go trusts the module proxy. */
  readonly certificateAuthorities: boolean
  /** Whether Prometheus is in PATH or in the cache, or apt can bring it; true where nothing asks for it. */
  readonly prometheus: boolean
  readonly cgroups: Cgroups
  /** What was tried in namespaces of its own: by name, undefined where it worked, else what was said. Empty where nothing could be tried. */
  readonly trials: ReadonlyMap<Trial, string | undefined>
  /** Where the cache is, or will be. */
  readonly freeBytes: number
  readonly memoryBytes: number
  /** Whether a Kubernetes has been built into the cache before. */
  readonly built: boolean
}

export interface Cgroups {
  readonly version: 1 | 2 | undefined
  readonly controllers: readonly string[]
  readonly writable: boolean
}

export const trials = [
  'namespaces',
  'overlay',
  'device',
  'bridge',
  'veth',
  'nftables',
  'busybox',
] as const
export type Trial = (typeof trials)[number]

/** The programs that building or running a cluster calls, and the Debian packages that have them. */
export const neededCommands: ReadonlyMap<string, readonly string[]> = new Map([
  ['gcc', ['gcc', 'libc6-dev']],
  ['pkg-config', ['pkg-config']],
  ['ip', ['iproute2']],
  ['nft', ['nftables']],
  ['openssl', ['openssl']],
  ['git', ['git']],
  ['dpkg-deb', ['dpkg']],
  ['busybox', ['busybox-static']],
  ['mount', ['mount']],
  ['umount', ['mount']],
  ['unshare', ['util-linux']],
  ['nsenter', ['util-linux']],
  ['flock', ['util-linux']],
  ['setpriv', ['util-linux']],
])

/** @param mounts `/proc/self/mounts` @param controllers v2's `cgroup.controllers` at its root, empty where there is none */
export function parseCgroups(mounts: string, controllers: string): Cgroups {
  const rows = mounts.split('\n').map(line => line.split(' '))
  const v1 = rows.filter(([, , type]) => type === 'cgroup')
  const v2 = rows.find(([, path, type]) => type === 'cgroup2' && path === '/sys/fs/cgroup')
  if (v1.length > 0) {
    const options = v1.map(([, , , text = '']) => text.split(','))
    const writable = options.every(words => words.includes('rw'))
    return { version: 1, controllers: options.flat(), writable }
  }
  if (v2 === undefined) return { version: undefined, controllers: [], writable: false }
  const words = controllers.split(/\s+/).filter(word => word !== '')
  return { version: 2, controllers: words, writable: (v2[3] ?? '').split(',').includes('rw') }
}

/** `ID` and `ID_LIKE` of an os-release(5) file. */
export function parseDistributions(osRelease: string): readonly string[] {
  return Array.from(osRelease.matchAll(/^(?:ID|ID_LIKE)=(.*)$/gm)).flatMap(([, value = '']) =>
    value.replaceAll(/["']/g, '').split(' '),
  )
}

/** The trials' answers: a line each, the name, a tab, and what went wrong or nothing. */
export function parseTrials(text: string): ReadonlyMap<Trial, string | undefined> {
  const said = new Map(text.split('\n').map(line => [line.split('\t')[0], line.split('\t')[1]]))
  return new Map(
    trials
      .filter(trial => said.has(trial))
      .map(trial => [trial, said.get(trial) === '' ? undefined : said.get(trial)]),
  )
}
