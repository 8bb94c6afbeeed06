import { equal, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseGoMod } from './go-mod.ts'
import { type PartName, recipeOf } from './recipe.ts'

const goModules = join(import.meta.dirname, '..', 'go')
const goModOf = (folder: string) =>
  parseGoMod(readFileSync(join(goModules, folder, 'go.mod'), 'utf8'))

const committed: readonly [PartName, string, string][] = [
  ['kubernetes', 'kubernetes-1.37.2', '1.37.2'],
  ['kubernetes', 'kubernetes-1.35.4', '1.35.4'],
  ['runtime', 'runtime', '2.4.2'],
  ['helm', 'helm', '4.3.1'],
  ['metrics-server', 'metrics-server', '0.9.0'],
]
for (const [part, folder, version] of committed) {
  test(`${part} from ${folder} is ${version}, and every package it builds is a tool of the module`, () => {
    const recipe = recipeOf(part, goModOf(folder))
    equal(recipe.version, version)
    const text = readFileSync(join(goModules, folder, 'go.mod'), 'utf8')
    for (const name of recipe.builds.flatMap(({ packages }) => packages))
      ok(new RegExp(`^(?:tool |\t)${name}$`, 'm').test(text), name)
  })
}

test('the kubelet is stamped with the version that its go.mod requires', () => {
  const [build] = recipeOf('kubernetes', goModOf('kubernetes-1.37.2')).builds
  ok(build?.flags.some(flag => flag.includes('component-base/version.gitVersion=v1.37.2 ')))
})

test('only runc is built with C, and it with seccomp', () => {
  const withC = recipeOf('runtime', goModOf('runtime')).builds.filter(({ cgo }) => cgo)
  equal(withC.length, 1)
  ok(withC[0]?.flags.includes('seccomp'))
  equal(withC[0]?.packages[0], 'github.com/opencontainers/runc')
})

test('a module that requires none of the part is refused', () => {
  throws(() => recipeOf('helm', goModOf('runtime')), /does not require helm/)
})
