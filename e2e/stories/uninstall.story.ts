// Alcove is taken from the cluster while pods hold EPC: they run on, and the nodes are as they were found.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { uninstallAlcove } from '../alcove/install.ts'
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
  const named = await world.kubectl([
    'get',
    ...objects,
    '-o',
    'name',
    '-l',
    'app.kubernetes.io/part-of=alcove',
  ])
  equal(named.trim(), '')
  const cluster =
    'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings'
  const all = await world.kubectl(['get', cluster, '-o', 'name'])
  deepEqual(
    all.split('\n').filter(name => name.includes('alcove')),
    [],
  )
})
