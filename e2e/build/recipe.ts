import type { GoMod } from './go-mod.ts'
import { kubernetesPrograms } from './kubernetes-module.ts'

export const partNames = ['kubernetes', 'runtime', 'helm', 'metrics-server'] as const

/** What is built, stored and found again as a whole: one Go module each. */
export type PartName = (typeof partNames)[number]

/** One `go build`. */
export interface GoBuild {
  readonly packages: readonly string[]
  /** Where its programs go, within the part: `bin/`, or a file where the package's own name would not do. */
  readonly output: string
  readonly cgo: boolean
  readonly flags: readonly string[]
}

export interface Recipe {
  readonly version: string
  readonly builds: readonly GoBuild[]
  /** Every program that must be there afterwards, within the part. */
  readonly programs: readonly string[]
}

const STRIP = '-s -w'

/** How a part is built. Versions are those that its go.mod requires, so that each is written once. */
export function recipeOf(part: PartName, goMod: GoMod): Recipe {
  return recipes[part](module => requiredVersion(goMod, module))
}

type VersionOf = (module: string) => string

function requiredVersion(goMod: GoMod, module: string): string {
  const version = goMod.requires.get(module)
  if (version === undefined) throw new TypeError(`go.mod does not require ${module}`)
  return version.replace(/^v/, '')
}

const recipes: Readonly<Record<PartName, (versionOf: VersionOf) => Recipe>> = {
  kubernetes: versionOf => {
    const version = versionOf('k8s.io/kubernetes')
    const [major, minor] = version.split('.')
    const variable = 'k8s.io/component-base/version'
    const stamps = `-X ${variable}.gitVersion=v${version} -X ${variable}.gitMajor=${major} -X ${variable}.gitMinor=${minor} -X ${variable}.gitTreeState=clean`
    return {
      version,
      builds: [
        pure(
          kubernetesPrograms.map(program => `k8s.io/kubernetes/cmd/${program}`),
          'bin/',
          stamps,
        ),
      ],
      programs: kubernetesPrograms.map(program => `bin/${program}`),
    }
  },
  runtime: versionOf => {
    const containerd = 'github.com/containerd/containerd/v2'
    const plugins = 'github.com/containernetworking/plugins'
    const runc = 'github.com/opencontainers/runc'
    const etcd = 'go.etcd.io/etcd/server/v3'
    const version = versionOf(containerd)
    const containerdPrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr']
    const cni = ['ipam/host-local', 'main/bridge', 'main/loopback', 'meta/portmap']
    return {
      version,
      builds: [
        pure(
          containerdPrograms.map(program => `${containerd}/cmd/${program}`),
          'bin/',
          `-X ${containerd}/version.Version=v${version}`,
        ),
        pure(
          cni.map(path => `${plugins}/plugins/${path}`),
          'cni/',
          `-X ${plugins}/pkg/utils/buildversion.BuildVersion=v${versionOf(plugins)}`,
        ),
        // Without seccomp every pod fails, since the kubelet's default profile is a seccomp one; libseccomp is C.
        {
          packages: [runc],
          output: 'bin/',
          cgo: true,
          flags: ['-tags', 'seccomp', '-ldflags', STRIP],
        },
        pure([etcd], 'bin/etcd'),
      ],
      programs: [
        ...[...containerdPrograms, 'runc', 'etcd'].map(program => `bin/${program}`),
        ...cni.map(path => `cni/${path.replace(/^.*\//, '')}`),
      ],
    }
  },
  helm: versionOf => {
    const helm = 'helm.sh/helm/v4'
    const version = versionOf(helm)
    return {
      version,
      builds: [
        pure([`${helm}/cmd/helm`], 'bin/', `-X ${helm}/internal/version.version=v${version}`),
      ],
      programs: ['bin/helm'],
    }
  },
  'metrics-server': versionOf => {
    const metricsServer = 'sigs.k8s.io/metrics-server'
    const version = versionOf(metricsServer)
    // It reports client-go's version variable as its own; so does its Makefile set it.
    const stamp = `-X k8s.io/client-go/pkg/version.gitVersion=v${version}`
    return {
      version,
      builds: [pure([`${metricsServer}/cmd/metrics-server`], 'bin/', stamp)],
      programs: ['bin/metrics-server'],
    }
  },
}

/** A build without C, so that its programs depend on nothing of the machine. */
function pure(packages: readonly string[], output: string, stamps = ''): GoBuild {
  return { packages, output, cgo: false, flags: ['-ldflags', `${STRIP} ${stamps}`.trim()] }
}
