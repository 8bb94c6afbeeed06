import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoMod } from './go-mod.ts'

const text = `// A comment.
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require single.example/one v1.0.0 // indirect

require (
	a.example/b v0.1.0
	a.example/c/v2 v2.3.4 // indirect
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	x.example/fork => y.example/fork v1.2.3
)
`

test('statements are read alone and in blocks, comments aside', () => {
  const goMod = parseGoMod(text)
  equal(goMod.go, '1.26.0')
  deepEqual(goMod.godebug, ['default=go1.26'])
  deepEqual(Object.fromEntries(goMod.requires), {
    'single.example/one': 'v1.0.0',
    'a.example/b': 'v0.1.0',
    'a.example/c/v2': 'v2.3.4',
  })
})

test('only what is replaced by a directory counts as staging', () => {
  deepEqual(parseGoMod(text).replacedByDirectory, ['k8s.io/api'])
})
