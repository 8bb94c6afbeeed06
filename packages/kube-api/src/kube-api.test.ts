import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { listenTls, makeIdentity } from '../testing/tls-server.ts'
import { inCluster, KubeApiError, kubeApi } from './index.ts'

const directory = await mkdtemp(join(tmpdir(), 'alcove-kube-'))
after(() => rm(directory, { recursive: true }))

const ours = await makeIdentity(directory, 'ours')
const another = await makeIdentity(directory, 'another')
const tokenFile = join(directory, 'token')
await writeFile(tokenFile, 'first\n')

async function server(t: TestContext, listener: RequestListener, identity = ours) {
  const { host, port, [Symbol.dispose]: close } = await listenTls(identity, listener)
  t.after(close)
  return { host, port, tokenFile, caFile: ours.ca }
}

const Name = z.object({ metadata: z.object({ name: z.string() }) })

test('an answer is read by the schema, and the request shows the token of now', async t => {
  const shown: (string | undefined)[] = []
  const api = kubeApi(
    await server(t, ({ headers, url }, response) => {
      shown.push(headers.authorization, url)
      response.end('{"metadata":{"name":"n","uid":"x"},"spec":{}}')
    }),
  )
  deepEqual(await api.get('/api/v1/nodes/n', Name), { metadata: { name: 'n' } })
  await writeFile(tokenFile, 'second\n')
  await api.get('/api/v1/nodes/n', Name)
  const path = '/api/v1/nodes/n'
  deepEqual(shown, ['Bearer first', path, 'Bearer second', path])
})

test('a server that another authority vouches for gets no token', async t => {
  let asked = 0
  const api = kubeApi(await server(t, () => void asked++, another))
  await rejects(api.get('/x', Name), { code: 'ERR_KUBE_UNREACHABLE' })
  equal(asked, 0)
})

test('a refusal is told with its status and the server’s reason', async t => {
  const api = kubeApi(
    await server(t, (_request, response) => {
      response.writeHead(403).end('{"kind":"Status","message":"nodes \\"n\\" is forbidden"}')
    }),
  )
  await rejects(api.get('/api/v1/nodes/n', Name), {
    code: 'ERR_KUBE_STATUS',
    status: 403,
    message: '/api/v1/nodes/n: HTTP 403: nodes "n" is forbidden',
  })
})

test('patches of either kind and what is created are sent as JSON of their kind', async t => {
  const sent: unknown[] = []
  const api = kubeApi(
    await server(t, ({ method, headers }, response) => {
      response.req.setEncoding('utf8').once('data', text => {
        sent.push([method, headers['content-type'], text])
        response.writeHead(method === 'POST' ? 201 : 200).end('{"metadata":{"name":"n"}}')
      })
    }),
  )
  await api.patch('/api/v1/nodes/n/status', { status: { capacity: { epc: null } } }, Name)
  const gone = { status: { conditions: [{ type: 'T', $patch: 'delete' }] } }
  await api.strategicPatch('/api/v1/nodes/n/status', gone, Name)
  await api.create('/api/v1/namespaces/default/events', { reason: 'R' }, Name)
  deepEqual(sent, [
    ['PATCH', 'application/merge-patch+json', '{"status":{"capacity":{"epc":null}}}'],
    [
      'PATCH',
      'application/strategic-merge-patch+json',
      '{"status":{"conditions":[{"type":"T","$patch":"delete"}]}}',
    ],
    ['POST', 'application/json', '{"reason":"R"}'],
  ])
})

test('a deletion sends its options, and is done where the server says that it goes on', async t => {
  const sent: unknown[] = []
  const statuses = [200, 202, 409]
  const api = kubeApi(
    await server(t, ({ method, url, headers }, response) => {
      response.req.setEncoding('utf8').once('data', text => {
        sent.push([method, url, headers['content-type'], text])
        response.writeHead(statuses.shift() ?? 500).end('{"kind":"Status","message":"no"}')
      })
    }),
  )
  equal(await api.delete('/x/a', { propagationPolicy: 'Background' }), undefined)
  await api.delete('/x/b')
  await rejects(api.delete('/x/c'), { code: 'ERR_KUBE_STATUS', status: 409 })
  const kind = '"kind":"DeleteOptions","apiVersion":"v1"'
  deepEqual(sent, [
    ['DELETE', '/x/a', 'application/json', `{${kind},"propagationPolicy":"Background"}`],
    ['DELETE', '/x/b', 'application/json', `{${kind}}`],
    ['DELETE', '/x/c', 'application/json', `{${kind}}`],
  ])
})

test('a watch tells what happens, until the server ends it', async t => {
  const asked: (string | undefined)[] = []
  const event = { type: 'ADDED', object: { metadata: { uid: 'u', resourceVersion: '8' } } }
  const api = kubeApi(
    await server(t, ({ url }, response) => {
      asked.push(url)
      response.end(`${JSON.stringify(event)}\n`)
    }),
  )
  const signal = new AbortController().signal
  const events = await Array.fromAsync(api.watch('/api/v1/nodes?fieldSelector=x', '7', signal))
  deepEqual(events, [{ type: 'ADDED', uid: 'u', resourceVersion: '8', object: event.object }])
  deepEqual(asked, [
    '/api/v1/nodes?fieldSelector=x&watch=1&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion=7',
  ])
})

test('a watch that is silent for too long, refused, or cut off is told', async t => {
  const signal = new AbortController().signal
  const silent = await server(t, (_request, response) => response.flushHeaders())
  const first = (api: ReturnType<typeof kubeApi>) =>
    api.watch('/x', '7', signal)[Symbol.asyncIterator]().next()
  await rejects(first(kubeApi({ ...silent, silenceMs: 50 })), {
    code: 'ERR_KUBE_UNREACHABLE',
    message: /no answer in time/,
  })
  const refusing = await server(t, (_request, response) => {
    response.writeHead(403).end('{"kind":"Status","message":"no"}')
  })
  await rejects(first(kubeApi(refusing)), { code: 'ERR_KUBE_STATUS', status: 403 })
  const cut = await server(t, (_request, response) => {
    response.flushHeaders()
    response.write('{"type":')
    setImmediate(() => response.destroy())
  })
  await rejects(first(kubeApi(cut)), { code: 'ERR_KUBE_UNREACHABLE' })
})

test('the caller ends a watch', async t => {
  const stop = new AbortController()
  const options = await server(t, (_request, response) => {
    response.flushHeaders()
    setImmediate(() => stop.abort())
  })
  const watch = kubeApi(options).watch('/x', '7', stop.signal)
  await rejects(Array.fromAsync(watch), { name: 'AbortError' })
})

for (const [what, body] of [
  ['is not JSON', '<html>'],
  ['lacks a field', '{"metadata":{}}'],
  ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
] as const) {
  test(`an answer that ${what} is refused`, async t => {
    const api = kubeApi(await server(t, (_request, response) => void response.end(body)))
    await rejects(api.get('/x', Name), { code: 'ERR_KUBE_ANSWER' })
  })
}

test('an answer without end is cut off', async t => {
  const options = await server(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      response.once('drain', more)
    }
    more()
  })
  await rejects(kubeApi({ ...options, maxBytes: 100_000 }).get('/x', Name), {
    code: 'ERR_KUBE_ANSWER',
    message: '/x: more than 100000 bytes',
  })
})

test('a server that is silent is given up, and one that is not there is named', async t => {
  const silent = await server(t, () => undefined)
  await rejects(kubeApi({ ...silent, timeoutMs: 50 }).get('/x', Name), {
    code: 'ERR_KUBE_UNREACHABLE',
    message: /no answer in time/,
  })
  await rejects(kubeApi({ ...silent, port: 1 }).get('/x', Name), (error: unknown) => {
    ok(error instanceof KubeApiError)
    match(error.message, /^127\.0\.0\.1:1: /)
    return error.code === 'ERR_KUBE_UNREACHABLE'
  })
})

test('the caller’s signal ends a request', async t => {
  const stop = new AbortController()
  const options = await server(t, () => stop.abort())
  await rejects(kubeApi(options).get('/x', Name, stop.signal), { name: 'AbortError' })
})

test('a pod without a token is told where it looked', async t => {
  const options = await server(t, (_request, response) => void response.end('{}'))
  await rejects(kubeApi({ ...options, tokenFile: join(directory, 'none') }).get('/x', Name), {
    code: 'ERR_KUBE_CREDENTIALS',
    message: /none: ENOENT.*automountServiceAccountToken/,
  })
})

test('in a cluster the API server is where the kubelet says, and elsewhere there is none', () => {
  const { host, port } =
    inCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }) ?? {}
  deepEqual([host, port], ['fd00::1', 6443])
  equal(inCluster({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })?.port, 443)
  equal(inCluster({}), undefined)
  equal(inCluster({ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: 'x' }), undefined)
})

test('the token and the authority are in the kubelet’s directory, unless another is named', () => {
  const files = (environment: Readonly<Record<string, string>>) => {
    const found = inCluster({ KUBERNETES_SERVICE_HOST: '10.0.0.1', ...environment })
    return [found?.tokenFile, found?.caFile]
  }
  const kubelets = '/var/run/secrets/kubernetes.io/serviceaccount'
  deepEqual(files({}), [`${kubelets}/token`, `${kubelets}/ca.crt`])
  deepEqual(files({ ALCOVE_SERVICE_ACCOUNT_DIR: '' }), files({}))
  deepEqual(files({ ALCOVE_SERVICE_ACCOUNT_DIR: '/t' }), ['/t/token', '/t/ca.crt'])
})
