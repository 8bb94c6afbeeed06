// Over 300 lines: one stand-in for a cluster, and all that can stand in a sweep’s way.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ENCLAVE_RESOURCE,
  EPC_RESOURCE,
  PROVISION_RESOURCE,
  EPC_BYTES_RESOURCE as PUBLISHED_EPC,
} from '@alcove/device-plugin'
import {
  COUNTED_RESOURCES,
  EPC_BYTES_RESOURCE,
  LABELS_ANNOTATION,
  SGX_LABELS,
  STARTUP_TAINT,
} from '@alcove/discovery'
import { z } from 'zod'
import { failure, StandInNodes } from '../../../packages/kube-api/testing/stand-in-nodes.ts'
import { alcove } from '../../testing/alcove.ts'
import { type SweepOptions, sweepCommand } from './sweep.ts'
import { SweptNode } from './sweep-node.ts'

const [ENCLAVE = '', PROVISION = '', MIB = ''] = COUNTED_RESOURCES
const EPC = 'sgx.intel.com/epc'
const ready = [{ type: 'Ready', status: 'True' }]
const bare = {
  metadata: { labels: { arch: 'amd64' } },
  status: { capacity: { cpu: '2' }, allocatable: { cpu: '2' }, conditions: ready },
}

/** What Alcove may leave on a node. */
const traces = {
  metadata: {
    labels: { arch: 'amd64', ...SGX_LABELS },
    annotations: { a: 'b', [LABELS_ANNOTATION]: Object.keys(SGX_LABELS).slice(1).join(',') },
  },
  spec: {
    providerID: 'x',
    taints: [
      { key: STARTUP_TAINT, effect: 'NoSchedule' },
      { key: 'spot', value: 'y', effect: 'NoExecute', timeAdded: 't' },
    ],
  },
  status: {
    capacity: { cpu: '2', [EPC]: '58720256', [ENCLAVE]: '0', [PROVISION]: '0', [MIB]: '0' },
    allocatable: { cpu: '2', [EPC]: '58720256', [ENCLAVE]: '0', [PROVISION]: '0', [MIB]: '0' },
    conditions: [
      ...ready,
      { type: 'alcove.dev/SgxCapable', status: 'True' },
      { type: 'alcove.dev/Anything', status: 'False' },
    ],
  },
}
const swept = {
  metadata: { labels: { arch: 'amd64', 'alcove.dev/sgx': 'true' }, annotations: { a: 'b' } },
  spec: {
    providerID: 'x',
    taints: [{ key: 'spot', value: 'y', effect: 'NoExecute', timeAdded: 't' }],
  },
  status: { capacity: { cpu: '2' }, allocatable: { cpu: '2' }, conditions: ready },
}

function cluster(nodes: Readonly<Record<string, object>>) {
  const server = new StandInNodes()
  for (const [name, node] of Object.entries(nodes)) server.change(name, { ...node })
  return server
}

async function sweep(server: StandInNodes, options: Partial<SweepOptions> = {}, more = {}) {
  const lines: string[] = []
  const code = await sweepCommand(
    { startupTaint: STARTUP_TAINT, timeout: '5', output: 'text', ...options },
    {
      api: server.api,
      print: text => void lines.push(text),
      stop: new AbortController().signal,
      ...{ lookMs: 5, ...more },
    },
  )
  return { code, lines, text: lines.join('\n') }
}

/** The Node without what the server adds to it. */
function kept(server: StandInNodes, name: string) {
  const { metadata, ...rest } = SweptNode.parse(server.node(name))
  const { labels, annotations } = metadata
  const { spec } = server.node(name)
  return { metadata: { labels, annotations }, ...rest, spec }
}

function taintKeys(server: StandInNodes): string[] {
  return SweptNode.parse(server.node('sgx-a')).spec.taints.map(({ key }) => key)
}

test('every resource that the device plugin publishes is swept', () => {
  deepEqual([EPC_BYTES_RESOURCE, ...COUNTED_RESOURCES].toSorted(), [
    ...[EPC_RESOURCE, PUBLISHED_EPC, ENCLAVE_RESOURCE, PROVISION_RESOURCE].toSorted(),
  ])
})

test('all of Alcove’s is removed, and nothing else', async () => {
  const server = cluster({ 'sgx-a': traces })
  const { code, lines } = await sweep(server)
  equal(code, 0)
  deepEqual(kept(server, 'sgx-a'), swept)
  equal(lines.at(-1), 'swept: nothing of Alcove’s is left on 1 node')
})

test('a node that has nothing of Alcove’s is not written', async () => {
  const server = cluster({ plain: bare, bare: { spec: {} } })
  equal((await sweep(server)).code, 0)
  deepEqual(server.writes, [])
})

test('every page of nodes is swept', async () => {
  const nodes = Array.from({ length: 250 }, (_, at) => [`n${at}`, at % 50 === 0 ? traces : bare])
  const server = cluster(Object.fromEntries(nodes))
  const { code, lines } = await sweep(server)
  equal(code, 0)
  equal(lines.length, 5 + 1)
  equal(server.writes.length, 10)
})

test('what a kubelet counts is waited for, and removed once it is 0', async t => {
  const server = cluster({ 'sgx-a': bare })
  server.change('sgx-a', { status: { capacity: { [ENCLAVE]: '110' } } })
  giveUpAfter(t, server, 50)
  const { code, lines } = await sweep(server)
  equal(code, 0)
  deepEqual(lines, [
    `sgx-a: ${ENCLAVE} (110) is its kubelet’s until 5 minutes after the plugin’s end; waiting`,
    `sgx-a: removed ${ENCLAVE}`,
    'swept: nothing of Alcove’s is left on 1 node',
  ])
  deepEqual(kept(server, 'sgx-a').status.capacity, { cpu: '2' })
})

function giveUpAfter(t: TestContext, server: StandInNodes, ms: number): void {
  const timer = setTimeout(() => {
    server.change('sgx-a', {
      status: { capacity: { [ENCLAVE]: '0' }, allocatable: { [ENCLAVE]: '0' } },
    })
  }, ms)
  t.after(() => clearTimeout(timer))
}

for (const status of ['False', 'Unknown']) {
  test(`a kubelet that does not run (Ready: ${status}) is not waited for`, async () => {
    const server = cluster({ 'sgx-a': bare })
    server.change('sgx-a', {
      status: { capacity: { [ENCLAVE]: '110' }, conditions: [{ type: 'Ready', status }] },
    })
    equal((await sweep(server, { timeout: '0' })).code, 0)
    deepEqual(kept(server, 'sgx-a').status.capacity, { cpu: '2' })
  })
}

test('when the time is over, what is left is named', async () => {
  const server = cluster({ 'sgx-a': bare, 'sgx-b': traces })
  server.change('sgx-a', { status: { capacity: { [PROVISION]: '110' } } })
  const { code, text } = await sweep(server, { timeout: '0' })
  equal(code, 1)
  match(text, /not swept within 0 s.*Left:\n {2}sgx-a: sgx.intel.com\/provision \(110\)$/)
  deepEqual(kept(server, 'sgx-b'), swept)
})

test('what stays counted is another plugin’s, and left alone', async () => {
  const server = cluster({ 'sgx-a': bare })
  server.change('sgx-a', { status: { capacity: { [ENCLAVE]: '20' } } })
  const { code, text } = await sweep(server, {}, { othersAfterMs: 30 })
  equal(code, 0)
  match(text, /kept by a device plugin that runs there, another than Alcove’s: left alone/)
  deepEqual(server.writes, [])
})

test('EPC that NFD publishes is left to it', async () => {
  const server = cluster({ 'sgx-a': bare })
  server.change('sgx-a', {
    metadata: { annotations: { 'nfd.node.kubernetes.io/extended-resources': EPC } },
    status: { capacity: { [EPC]: '1' } },
  })
  equal((await sweep(server)).code, 0)
  deepEqual(server.writes, [])
})

test('a taint that is added meanwhile stays', async () => {
  const server = cluster({ 'sgx-a': traces })
  let raced = false
  server.refuse = request => {
    if (raced || request !== 'PATCH /api/v1/nodes/sgx-a') return undefined
    raced = true
    server.change('sgx-a', { spec: { taints: [...traces.spec.taints, { key: 'new' }] } })
    return undefined
  }
  equal((await sweep(server)).code, 0)
  deepEqual(taintKeys(server), ['spot', 'new'])
})

test('another startup taint is removed where it is named, and only that', async () => {
  const server = cluster({ 'sgx-a': traces })
  await sweep(server, { startupTaint: 'spot' })
  deepEqual(taintKeys(server), [STARTUP_TAINT])
})

test('a daemon that writes once more after the first look is swept up', async t => {
  const server = cluster({ 'sgx-a': traces })
  const late = delay(15).then(() => server.change('sgx-a', traces))
  t.after(() => late)
  equal((await sweep(server, {}, { lookMs: 30 })).code, 0)
  deepEqual(kept(server, 'sgx-a').status, swept.status)
})

test('a server that is away is asked again; one that refuses ends the sweep', async () => {
  const server = cluster({ 'sgx-a': traces })
  let asked = 0
  server.refuse = () => (asked++ < 2 ? failure(503, 'starting') : undefined)
  const { code, text } = await sweep(server)
  equal(code, 0)
  equal(text.match(/starting/g)?.length, 1)
  server.refuse = () => failure(500, 'never')
  const ended = await sweep(server, { timeout: '0' })
  equal(ended.code, 1)
  match(ended.text, /Left:\n {2}nodes: HTTP 500: never/)
  server.refuse = () => failure(403, 'nodes is forbidden')
  await rejects(sweep(server), { code: 'ERR_KUBE_STATUS', status: 403 })
})

test('a node that goes away meanwhile holds nothing up', async () => {
  const server = cluster({ 'sgx-a': traces })
  server.refuse = request => (request.startsWith('PATCH') ? failure(404, 'gone') : undefined)
  equal((await sweep(server)).code, 0)
})

test('as data it is one object', async () => {
  const server = cluster({ 'sgx-a': traces, 'sgx-b': bare })
  server.change('sgx-b', { status: { capacity: { [MIB]: '56' } } })
  const { code, lines } = await sweep(server, { output: 'json', timeout: '0' })
  equal(code, 1)
  equal(lines.length, 1)
  const { removed, ...told } = JSON.parse(lines[0] ?? '')
  deepEqual(told, {
    swept: false,
    nodes: 2,
    left: [{ node: 'sgx-b', resource: MIB, quantity: '56' }],
    others: [],
    failures: [],
  })
  equal(removed[0].node, 'sgx-a')
  ok(removed[0].what.includes(EPC))
})

test('the startup taint is by default the device plugin’s', async () => {
  const { stdout } = await alcove('sweep', '--help')
  ok(stdout.includes(`"${STARTUP_TAINT}"`))
})

test('a wait that is no number of seconds is refused', async () => {
  for (const timeout of ['', '-1', '1.5', '86401', 'x']) {
    await rejects(sweep(cluster({}), { timeout }), { code: 'ERR_USAGE' })
  }
})

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const ROLE = `${RBAC}/clusterroles/s`
const BINDING = `${RBAC}/clusterrolebindings/s`
const ACCOUNT = '/api/v1/namespaces/n/serviceaccounts/s'
const RIGHTS = [ROLE, BINDING, ACCOUNT]
const named = { removeRights: 's', namespace: 'n' }

function clusterWithRights(nodes: Readonly<Record<string, object>>) {
  const server = cluster(nodes)
  for (const path of RIGHTS) server.place(path, { metadata: { name: 's', uid: `of ${path}` } })
  return server
}

test('a sweep that leaves nothing ends by removing its own rights, the role last', async () => {
  const server = clusterWithRights({ 'sgx-a': bare })
  const { code, lines } = await sweep(server, named)
  equal(code, 0)
  deepEqual(lines, ['swept: nothing of Alcove’s is left on 1 node'])
  deepEqual(server.others, [])
  const options = { propagationPolicy: 'Background', preconditions: { uid: `of ${ROLE}` } }
  deepEqual(server.writes, [
    `PATCH ${BINDING}`,
    `PATCH ${ACCOUNT}`,
    `DELETE ${ROLE} ${JSON.stringify(options)}`,
  ])
})

test('binding and ServiceAccount are the role’s before it goes, and hold nothing up', async () => {
  const server = clusterWithRights({})
  const owned: unknown[] = []
  const { api } = server
  const deps = {
    api: {
      ...api,
      delete: async () => {
        for (const path of [BINDING, ACCOUNT]) owned.push(await api.get(path, Owned))
      },
    },
  }
  equal((await sweep(server, named, deps)).code, 0)
  const owner = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 's' }
  const metadata = { ownerReferences: [{ ...owner, uid: `of ${ROLE}` }] }
  deepEqual(owned, [{ metadata }, { metadata }])
})

const Owned = z.object({ metadata: z.object({ ownerReferences: z.array(z.unknown()) }) })

test('rights that are not named stay', async () => {
  const server = clusterWithRights({ 'sgx-a': bare })
  equal((await sweep(server)).code, 0)
  deepEqual(server.others, RIGHTS)
})

test('while something is left the rights stay, and it says how to remove them', async () => {
  const server = clusterWithRights({ 'sgx-a': bare })
  server.change('sgx-a', { status: { capacity: { [ENCLAVE]: '110' } } })
  const { code, lines } = await sweep(server, { ...named, timeout: '0' })
  equal(code, 1)
  match(
    lines.at(-1) ?? '',
    /kubectl delete clusterrole\/s clusterrolebinding\/s && kubectl delete serviceaccount\/s -n n$/,
  )
  deepEqual(server.others, RIGHTS)
  server.refuse = () => failure(403, 'nodes is forbidden')
  await rejects(sweep(server, named), { status: 403 })
  deepEqual(server.others, RIGHTS)
})

test('rights that may not be removed are an error, and stay whole', async () => {
  const server = clusterWithRights({})
  for (const refused of [`GET ${ROLE}`, `PATCH ${ACCOUNT}`, `DELETE ${ROLE}`]) {
    server.refuse = request => (request === refused ? failure(403, 'no') : undefined)
    await rejects(sweep(server, named), { code: 'ERR_KUBE_STATUS', status: 403 })
    deepEqual(server.others, RIGHTS)
  }
})

test('a server that is away is asked again for them, and a lost answer is no failure', async () => {
  const server = clusterWithRights({})
  let deletions = 0
  server.refuse = request =>
    deletions > 0 && !request.includes('nodes') ? failure(403, '') : undefined
  const lose: typeof server.api.delete = async (path, options) => {
    await server.api.delete(path, options)
    deletions++
    throw failure(504, 'lost')
  }
  const { code } = await sweep(server, named, { api: { ...server.api, delete: lose } })
  equal(code, 0)
  deepEqual([deletions, server.others], [1, []])
  const away = clusterWithRights({})
  away.refuse = request => (request.startsWith('DELETE') ? failure(503, 'away') : undefined)
  await rejects(sweep(away, named), { status: 503 })
  equal(away.writes.length, 4 * 2)
})

test('a name without its namespace is refused, and the other way round', async () => {
  for (const options of [{ removeRights: 's' }, { namespace: 'n' }, { ...named, namespace: '' }]) {
    await rejects(sweep(cluster({}), options), { code: 'ERR_USAGE' })
  }
})
