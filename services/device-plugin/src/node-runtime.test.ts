import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { type KubeApi, KubeApiError } from '@alcove/kube-api'
import { askNodeRuntime } from './node-runtime.ts'

const node = {
  metadata: { name: 'n' },
  status: {
    nodeInfo: { containerRuntimeVersion: 'containerd://2.4.2', kubeletVersion: 'v1.37.2', x: 1 },
  },
}

/** An API server that answers each GET with what `answer` says. */
function server(answer: (path: string) => unknown): Pick<KubeApi, 'get'> {
  return { get: async (path, schema) => schema.parse(answer(path)) }
}

test('the node’s object says who runs its containers', async () => {
  const paths: string[] = []
  const api = server(path => {
    paths.push(path)
    return node
  })
  deepEqual(await askNodeRuntime(api, 'a/b', new AbortController().signal, () => undefined), {
    containerRuntimeVersion: 'containerd://2.4.2',
    kubeletVersion: 'v1.37.2',
  })
  deepEqual(paths, ['/api/v1/nodes/a%2Fb'])
})

test('an API server that does not answer is asked again, and each reason is told once', async () => {
  const reasons: string[] = []
  let asked = 0
  const api = server(() => {
    if (asked++ === 0) throw new KubeApiError('ERR_KUBE_UNREACHABLE', 'down')
    return node
  })
  const info = await askNodeRuntime(api, 'n', new AbortController().signal, reason =>
    reasons.push(reason),
  )
  equal(info?.kubeletVersion, 'v1.37.2')
  deepEqual([asked, reasons], [2, ['down']])
})

test('the end of the process ends the asking', async () => {
  const stop = new AbortController()
  const api = server(() => {
    stop.abort()
    throw new KubeApiError('ERR_KUBE_UNREACHABLE', 'down')
  })
  equal(await askNodeRuntime(api, 'n', stop.signal, () => undefined), undefined)
})

test('an error of ours is not waited out', async () => {
  const api = server(() => {
    throw new TypeError('bug')
  })
  await rejects(
    askNodeRuntime(api, 'n', new AbortController().signal, () => undefined),
    TypeError,
  )
})
