import { equal, match, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoMod } from './go-mod.ts'
import { recipeOf } from './recipe.ts'
import { type BuildInputs, buildKey } from './toolchain.ts'

const goMod = 'module a\n\nrequire helm.sh/helm/v4 v4.3.1\n'
const recipe = recipeOf('helm', parseGoMod(goMod))
const inputs: BuildInputs = {
  toolchain: { GOVERSION: 'go1.26.8', GOFLAGS: '' },
  goMod,
  goSum: 'x h1:1',
  recipe,
}

test('the same inputs have the same key, in whatever order Go names its settings', () => {
  match(buildKey(inputs), /^[0-9a-f]{12}$/)
  const toolchain = { GOFLAGS: '', GOVERSION: 'go1.26.8' }
  equal(buildKey({ ...inputs, toolchain }), buildKey(inputs))
})

const changes: Readonly<Record<string, Partial<BuildInputs>>> = {
  'go.sum': { goSum: 'x h1:2' },
  'go.mod': { goMod: `${goMod}\n` },
  'Go version': { toolchain: { ...inputs.toolchain, GOVERSION: 'go1.26.9' } },
  flags: { recipe: { ...recipe, builds: recipe.builds.map(one => ({ ...one, flags: [] })) } },
}
for (const [what, change] of Object.entries(changes)) {
  test(`another ${what} is another key`, () => {
    notEqual(buildKey({ ...inputs, ...change }), buildKey(inputs))
  })
}
