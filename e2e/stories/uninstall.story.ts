// Alcove is taken from the cluster while pods hold EPC: they run on, and the nodes are as they were found.
import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { uninstallAlcove } from '../alcove/install.ts'
import { waitUntil } from '../kube/wait.ts'
import { SYSTEM_NAMESPACE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { nodeMarks } from './node-marks.ts'
import { expectWitnesses, startWitnesses } from './witnesses.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api, layout } = world
const NODES = ['sgx-a', 'sgx-b', 'plain']
const OURS = /sgx|alcove/i

test('after helm uninstall no key, label, annotation, taint or condition of ours is left, and pods that hold EPC run on', async context => {
  await using namespace = await openNamespace(api, 'uninstall')
  await startWitnesses(world, namespace.name, ['sgx-a', 'sgx-b'])
  const before = await nodeMarks(world, 'sgx-a')
  ok(before.resources.some(name => OURS.test(name)))
  const began = Date.now()
  await uninstallAlcove(layout)
  context.diagnostic(`helm uninstall: ${Math.round((Date.now() - began) / 1000)} s`)
  for (const node of NODES) {
    const marks = await nodeMarks(world, node)
    const left = [
      ...marks.resources,
      ...Object.keys(marks.labels),
      ...Object.keys(marks.annotations),
      ...marks.taints,
      ...marks.conditions,
    ].filter(name => OURS.test(name))
    deepEqual(left, [], node)
  }
  await expectWitnesses(world, namespace.name, ['sgx-a', 'sgx-b'])
  const objects = ['daemonsets,jobs,serviceaccounts', '-n', SYSTEM_NAMESPACE]
  const part = ['-o', 'name', '-l', 'app.kubernetes.io/part-of=alcove']
  // The sweep's own rights are the garbage collector's, which needs a moment.
  await waitUntil(
    async () => ((await world.kubectl(['get', ...objects, ...part])).trim() ? undefined : true),
    { what: `nothing of Alcove’s in ${SYSTEM_NAMESPACE}` },
  )
  const cluster =
    'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings'
  await waitUntil(
    async () =>
      (await world.kubectl(['get', cluster, '-o', 'name'])).includes('alcove') ? undefined : true,
    { what: 'nothing of Alcove’s in the cluster' },
  )
})
