import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseGoMod } from './go-mod.ts'
import { kubernetesGoMod } from './kubernetes-module.ts'

const goModules = join(import.meta.dirname, '..', 'go')
const release = `module k8s.io/kubernetes

go 1.25.0

godebug default=go1.25

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubelet => ./staging/src/k8s.io/kubelet
)
`

test('a release becomes a module with its Go, its godebug defaults, and its staging modules at v0', () => {
  const made = kubernetesGoMod('1.35.4', release)
  const goMod = parseGoMod(made)
  equal(goMod.go, '1.25.0')
  deepEqual(goMod.godebug, ['default=go1.25'])
  equal(goMod.requires.get('k8s.io/kubernetes'), 'v1.35.4')
  ok(made.includes('\tk8s.io/kubelet => k8s.io/kubelet v0.35.4\n'))
  deepEqual(goMod.replacedByDirectory, [])
})

for await (const folder of glob('kubernetes-*', { cwd: goModules })) {
  test(`${folder} requires the release it is named after, and replaces each staging module by it`, () => {
    const version = folder.replace('kubernetes-', '')
    const text = readFileSync(join(goModules, folder, 'go.mod'), 'utf8')
    equal(parseGoMod(text).requires.get('k8s.io/kubernetes'), `v${version}`)
    const replaced = Array.from(text.matchAll(/^\t(\S+) => (\S+) v(\S+)$/gm))
    ok(replaced.length > 30)
    for (const [, module, by, at] of replaced)
      deepEqual([by, at], [module, version.replace(/^1\./, '0.')])
  })
}
