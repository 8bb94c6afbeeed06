// From a cluster without Alcove to a verified quote, as docs/guides/simulated-cluster.md says it: two commands.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { z } from 'zod'
import { programVersion } from '../../tools/image/program.ts'
import { alcoveSays, installAlcove, withImage } from '../alcove/install.ts'
import { waitForNode } from '../kube/nodes.ts'
import { hasEnded, listPods, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { applied, manifest, projectRoot } from './manifests.ts'
import { SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { nodeMarks } from './node-marks.ts'
import { OFFERED, waitForEpc } from './offered.ts'
import { judge, relyingParty } from './relying-party.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, layout } = world
const outside = await mkdtemp(join(tmpdir(), 'alcove-relying-party-'))
after(() => rm(outside, { recursive: true }))
const before = await nodeMarks(world, 'plain')

test('one command: EPC is allocatable on the nodes with SGX; the node without is not touched', async context => {
  const began = Date.now()
  await installAlcove(layout, 'bytes')
  for (const [node, bytes] of Object.entries(OFFERED)) await waitForEpc(world, node, bytes)
  context.diagnostic(`helm install to EPC allocatable on both nodes: ${Date.now() - began} ms`)
  deepEqual(await nodeMarks(world, 'plain'), before)
  const pods = await listPods(api, SYSTEM_NAMESPACE)
  deepEqual([...new Set(pods.map(({ spec }) => spec.nodeName))].toSorted(), ['sgx-a', 'sgx-b'])
})

test('a second: hello-enclave’s quote is believed outside the cluster', async context => {
  await using namespace = await openNamespace(api, 'install')
  const began = Date.now()
  const yaml = withImage(
    await manifest('examples/hello-enclave/pod.yaml'),
    await programVersion(projectRoot),
  )
  await using _ = await applied(world, yaml, namespace.name)
  const name = 'hello-enclave'
  const { status } = await waitForPod(api, namespace.name, name, hasEnded, {
    what: `${name} to end`,
  })
  equal(status.phase, 'Succeeded', JSON.stringify(status))
  const log = ['logs', `--namespace=${namespace.name}`, name, '--container=quote']
  const quote = Uint8Array.fromBase64((await world.kubectl(log)).trim())
  const party = await relyingParty(world, outside)
  const believed = await judge(party, quote, '--root', party.root)
  equal(believed.exitCode, 0, JSON.stringify(believed))
  equal(believed.trusted, true)
  context.diagnostic(`applied to verified: ${Date.now() - began} ms`)
})

const EventList = z.object({
  items: z.array(z.object({ reason: z.string() })),
})

test('with discovery, nodes are labelled, and the node without SGX says why it cannot serve', async () => {
  await installAlcove(layout, 'bytes', ['discovery.enabled=true'])
  const plain = await waitForNode(api, 'plain', ({ status }) => hasCondition(status), {
    what: 'a condition that says why plain has no SGX',
  })
  const conditions = await nodeMarks(world, 'plain')
  match(JSON.stringify(conditions), /alcove\.dev\/cpu-sgx/)
  deepEqual(
    Object.keys(plain.metadata.labels).filter(label => /sgx/.test(label)),
    [],
  )
  const field = encodeURIComponent('involvedObject.name=plain')
  await waitUntil(
    async () => {
      const path = `/api/v1/namespaces/default/events?fieldSelector=${field}`
      const { items } = EventList.parse(await api.get(path))
      return items.find(({ reason }) => reason === 'CpuWithoutSgx')
    },
    { what: 'an event that says why plain has no SGX' },
  )
  for (const node of Object.keys(OFFERED)) {
    const { metadata } = await waitForNode(
      api,
      node,
      one => one.metadata.labels['alcove.dev/sgx'] === 'true',
      { what: `${node} labelled` },
    )
    const others = ['feature.node.kubernetes.io/cpu-security.sgx.enabled', 'sgx.intel.com/capable']
    for (const label of others) equal(metadata.labels[label], 'true', label)
  }
})

function hasCondition({ conditions }: { conditions: readonly { type: string }[] }): boolean {
  return conditions.some(({ type }) => type === 'alcove.dev/SgxCapable')
}

test('alcove status --cluster and doctor --node say the same from afar', async context => {
  const kubectl = ['--kubectl', layout.kubectl]
  const status = await alcoveSays('status', '--cluster', ...kubectl)
  context.diagnostic(status.stdout)
  equal(status.exitCode, 0)
  match(status.stdout, /SIMULATED/)
  for (const node of Object.keys(OFFERED)) ok(status.stdout.includes(node))
  for (const line of status.stdout.split('\n')) ok(line.length <= 80, line)
  const incapable = await alcoveSays('doctor', '--node', 'plain', ...kubectl)
  equal(incapable.exitCode, 3)
  match(incapable.stdout, /cpu-sgx/)
  const capable = await alcoveSays('doctor', '--node', 'sgx-a', ...kubectl)
  context.diagnostic(capable.stdout)
  equal(capable.exitCode, 0)
})
