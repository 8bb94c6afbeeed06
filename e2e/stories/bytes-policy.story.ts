// What the device plugin's and discovery's own tokens may write to nodes, though RBAC lets them patch every one.
import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { command } from '../cluster/command.ts'
import { CONTROL_PLANE, kubeconfigOf, namespaceOf } from '../cluster/layout.ts'
import { listPods } from '../kube/pods.ts'
import { ENCLAVE, EPC_BYTES, SYSTEM_NAMESPACE } from './names.ts'
import { OFFERED } from './offered.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, layout } = world
const NODE = 'sgx-a'
const EPC = String(OFFERED[NODE])
const Answer = z.object({ status: z.number(), message: z.string() })

/** Sends a merge patch over TLS with a token of a part's pod on a node, from where the API server can be reached. */
async function patchAs(
  part: string,
  path: string,
  patch: unknown,
  bound = true,
): Promise<z.infer<typeof Answer>> {
  const pods = await listPods(api, SYSTEM_NAMESPACE, `app.kubernetes.io/name=${part}`)
  const pod = pods.find(({ spec }) => spec.nodeName === NODE)?.metadata.name ?? ''
  const binding = bound ? ['--bound-object-kind=Pod', `--bound-object-name=${pod}`] : []
  const token = await world.kubectl(['-n', SYSTEM_NAMESPACE, 'create', 'token', part, ...binding])
  const network = `--net=/run/netns/${namespaceOf(layout, CONTROL_PLANE)}`
  const input = JSON.stringify({
    kubeconfig: kubeconfigOf(layout, 'admin'),
    token: token.trim(),
    path: `/api/v1/nodes/${path}`,
    patch,
  })
  const said = await command('nsenter', [network, '--', process.execPath, '-e', SEND], { input })
  return Answer.parse(JSON.parse(said))
}

const SEND = `
const { readFileSync } = require('node:fs')
const { kubeconfig, token, path, patch } = JSON.parse(readFileSync(0, 'utf8'))
const { cluster } = JSON.parse(readFileSync(kubeconfig, 'utf8')).clusters[0]
const ca = cluster['certificate-authority'] === undefined
  ? Buffer.from(cluster['certificate-authority-data'], 'base64')
  : readFileSync(cluster['certificate-authority'])
const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/merge-patch+json' }
require('node:https').request(cluster.server + path, { method: 'PATCH', ca, headers }, response => {
  let text = ''
  response.on('data', part => (text += part))
  response.on('end', () => console.log(JSON.stringify({ status: response.statusCode, message: JSON.parse(text).message ?? '' })))
}).end(JSON.stringify(patch))`

const capacity = (key: string, value: string | null): unknown => ({
  status: { capacity: { [key]: value }, allocatable: { [key]: value } },
})
const plugin = 'alcove-device-plugin'
const discovery = 'alcove-discovery'

const refusals: readonly [what: string, part: string, path: string, patch: unknown, why: RegExp][] =
  [
    [
      'another node’s EPC',
      plugin,
      'sgx-b/status',
      capacity(EPC_BYTES, '1'),
      /may not write to node sgx-b/,
    ],
    [
      'EPC of a node without SGX',
      plugin,
      'plain/status',
      capacity(EPC_BYTES, '1'),
      /may not write to node plain/,
    ],
    ['CPUs of its own node', plugin, `${NODE}/status`, capacity('cpu', '100'), /capacity of cpu/],
    [
      'more devices of its own node',
      plugin,
      `${NODE}/status`,
      capacity(ENCLAVE, '5'),
      /capacity of sgx/,
    ],
    ['conditions', plugin, `${NODE}/status`, { status: { conditions: [] } }, /status\.conditions/],
    [
      'labels',
      plugin,
      NODE,
      { metadata: { labels: { 'alcove.dev/sgx': 'no' } } },
      /metadata\.labels/,
    ],
    [
      'labels through the status',
      plugin,
      `${NODE}/status`,
      { metadata: { labels: { a: 'b' } } },
      /metadata\.labels/,
    ],
    ['unschedulable', plugin, NODE, { spec: { unschedulable: true } }, /spec\.unschedulable/],
    [
      'a taint of its own making',
      plugin,
      NODE,
      { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
      /taint a/,
    ],
    ['EPC, as discovery', discovery, `${NODE}/status`, capacity(EPC_BYTES, '1'), /may not change/],
    [
      'a foreign label, as discovery',
      discovery,
      NODE,
      { metadata: { labels: { a: 'b' } } },
      /may not change/,
    ],
    [
      'a taint, as discovery',
      discovery,
      NODE,
      { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
      /may not change/,
    ],
    [
      'the kubelet’s conditions, as discovery',
      discovery,
      `${NODE}/status`,
      { status: { conditions: [] } },
      /may not change/,
    ],
    [
      'another node’s label, as discovery',
      discovery,
      'sgx-b',
      { metadata: { labels: { 'alcove.dev/sgx': 'no' } } },
      /may not write to node sgx-b/,
    ],
  ]

for (const [what, part, path, patch, why] of refusals) {
  test(`${what}: refused`, async () => {
    const { status, message } = await patchAs(part, path, patch)
    equal(status, 403, message)
    match(message, why)
  })
}

test('EPC of its own node: taken', async () => {
  const { status, message } = await patchAs(plugin, `${NODE}/status`, capacity(EPC_BYTES, EPC))
  equal(status, 200, message)
})

test('a token that is bound to no pod names no node, and writes to none', async () => {
  const unbound = await patchAs(plugin, `${NODE}/status`, capacity(EPC_BYTES, EPC), false)
  equal(unbound.status, 403)
  match(unbound.message, /its token names none/)
})

const Policies = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        typeChecking: z.object({ expressionWarnings: z.array(z.unknown()).default([]) }).default({
          expressionWarnings: [],
        }),
      }),
    }),
  ),
})

test('the API server has no doubts about the policies’ expressions', async () => {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'
  const { items } = Policies.parse(await api.get(path))
  const ours = items.filter(({ metadata }) => metadata.name.startsWith('alcove-'))
  deepEqual(
    ours.map(({ metadata, status }) => [metadata.name, status.typeChecking.expressionWarnings]),
    [
      ['alcove-device-plugin-writes', []],
      ['alcove-discovery-writes', []],
      ['alcove-pods', []],
    ],
  )
})
