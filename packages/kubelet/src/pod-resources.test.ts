import { deepEqual, rejects } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Server } from '@grpc/grpc-js'
import { scratch } from '../testing/counting-plugin.ts'
import { ListPodResourcesResponseSchema, PodResourcesLister } from './gen/pod_resources_pb.ts'
import { listPodResources } from './pod-resources.ts'
import { bind, method } from './rpc.ts'

test('the kubelet’s account says who holds how many devices of what', async t => {
  const path = join(await scratch(t), 'kubelet.sock')
  const server = new Server()
  const answer = create(ListPodResourcesResponseSchema, {
    podResources: [
      {
        name: 'p',
        namespace: 'ns',
        containers: [
          { name: 'c', devices: [{ resourceName: 'a.b/epc', deviceIds: ['e0', 'e1'] }] },
          { name: 'without' },
        ],
      },
    ],
  })
  server.addService(
    { list: method(PodResourcesLister.method.list) },
    {
      list: (_call: unknown, respond: (error: null, value: typeof answer) => void) =>
        respond(null, answer),
    },
  )
  await bind(server, path)
  t.after(() => server.forceShutdown())
  deepEqual(await listPodResources(path), [
    { namespace: 'ns', pod: 'p', container: 'c', resource: 'a.b/epc', count: 2 },
  ])
})

test('a kubelet that is not there is named', async t => {
  const path = join(await scratch(t), 'none.sock')
  await rejects(listPodResources(path), {
    code: 'ERR_KUBELET_POD_RESOURCES',
    message: /none\.sock/,
  })
})
