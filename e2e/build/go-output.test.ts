import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { addLine, emptyOutput } from './go-output.ts'

const read = (lines: readonly string[]) => lines.reduce(addLine, emptyOutput)

test('downloads and compiled packages are counted, and the latest is named', () => {
  deepEqual(
    read([
      'go: downloading github.com/creack/pty v1.1.18',
      'internal/goarch',
      'k8s.io/kubernetes/pkg/kubelet/cm/devicemanager',
    ]),
    {
      modules: 1,
      packages: 2,
      latest: 'k8s.io/kubernetes/pkg/kubelet/cm/devicemanager',
      messages: [],
    },
  )
})

test("a compiler's messages are kept, the last twenty of them", () => {
  const { messages, packages } = read([
    '# github.com/opencontainers/runc',
    ...Array.from({ length: 30 }, (_, line) => `main.go:${line}:1: undefined: x`),
  ])
  equal(packages, 0)
  equal(messages.length, 20)
  equal(messages.at(-1), 'main.go:29:1: undefined: x')
})
