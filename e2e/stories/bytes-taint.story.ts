// A node that registers with the startup taint keeps it until pods can have its EPC: the cluster autoscaler waits for it, and buys no second one.
import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { waitForObject } from '../kube/wait.ts'
import { extraNode } from './extra-node.ts'
import { ENCLAVE, EPC_BYTES } from './names.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const STARTUP = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'
const spot = { key: 'alcove-e2e/spot', value: 'true', effect: 'NoSchedule' }

const Tainted = z.object({
  spec: z.object({ taints: z.array(z.object({ key: z.string() })).default([]) }),
  status: z.object({ allocatable: z.record(z.string(), z.string()).default({}) }),
})

test('the startup taint goes when EPC and the enclave device are allocatable, not before, and the pool’s own taint stays', async () => {
  const taints = [{ key: STARTUP, value: 'pending', effect: 'NoSchedule' }, spot]
  const seen: { readonly tainted: boolean; readonly epc: boolean }[] = []
  const path = `/api/v1/nodes?fieldSelector=${encodeURIComponent('metadata.name=tainted')}`
  const watching = waitForObject(
    api,
    path,
    Tainted,
    ({ spec, status }) => {
      const tainted = spec.taints.some(({ key }) => key === STARTUP)
      const can = (resource: string): boolean => Number(status.allocatable[resource] ?? 0) > 0
      seen.push({ tainted, epc: can(EPC_BYTES) && can(ENCLAVE) })
      return !tainted && spec.taints.every(({ key }) => !key.startsWith('node.kubernetes.io/'))
    },
    { what: 'the startup taint to go' },
  )
  const spec = extraNode({
    name: 'tainted',
    number: 27,
    epcMiB: [48],
    kubelet: { registerWithTaints: taints },
  })
  await using _node = await world.addNode(spec)
  const after = await watching
  deepEqual(
    after.spec.taints.map(({ key }) => key),
    [spot.key],
  )
  ok(
    seen.some(({ tainted }) => tainted),
    'it was there',
  )
  ok(
    seen.every(({ tainted, epc }) => tainted || epc),
    'never without EPC and without the taint',
  )
})
