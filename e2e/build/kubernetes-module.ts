import { type GoMod, parseGoMod } from './go-mod.ts'

/** The programs of a Kubernetes control plane and node, as their directories under `cmd/` are named. */
export const kubernetesPrograms = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'kubelet',
] as const

/**
 * A Go module of our own that builds the programs of a Kubernetes release from the module proxy.
 *
 * `k8s.io/kubernetes` replaces its staging modules by directories of its repository, and a `replace` holds only in the
 * main module. So each is replaced here by its published version: v1.X.Y of Kubernetes is v0.X.Y of those. Which ones
 * there are, the oldest Go and the `godebug` defaults differ by release, and are read from the release's own go.mod.
 *
 * @param version without the `v`: `1.37.2`
 * @param releaseGoMod the text of `k8s.io/kubernetes`' own go.mod at that version
 */
export function kubernetesGoMod(version: string, releaseGoMod: string): string {
  const release: GoMod = parseGoMod(releaseGoMod)
  const staging = version.replace(/^1\./, '0.')
  return [
    '// Made by e2e/build/kubernetes-module.ts and `go mod tidy`.',
    `module alcove.dev/e2e/kubernetes`,
    `go ${release.go}`,
    ...release.godebug.map(setting => `godebug ${setting}`),
    block(
      'tool',
      kubernetesPrograms.map(program => `k8s.io/kubernetes/cmd/${program}`),
    ),
    `require k8s.io/kubernetes v${version}`,
    block(
      'replace',
      release.replacedByDirectory.map(module => `${module} => ${module} v${staging}`),
    ),
    '',
  ].join('\n\n')
}

function block(verb: string, lines: readonly string[]): string {
  return [`${verb} (`, ...lines.map(line => `\t${line}`), ')'].join('\n')
}
