import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedFaults } from '@alcove/simulator'
import { mostNodes, nodeKinds } from './node-kind.ts'

const kinds = nodeKinds(mostNodes, { size: 'DC2s_v2', os: 'in-kernel', tcb: 'UpToDate' })

test('among all kinds there is one node for each fault, and one too large to be offered', () => {
  deepEqual(kinds.flatMap(({ fault }) => fault ?? []).toSorted(), simulatedFaults.toSorted())
  equal(kinds.filter(({ size }) => size === 'DC48s_v3').length, 1)
})

test('nodes are named in their order', () => {
  deepEqual(
    nodeKinds(3, { size: 'DC1s_v2', os: 'dcap-1.33', tcb: 'UpToDate' }).map(({ name, size }) => [
      name,
      size,
    ]),
    [
      ['node1', 'DC1s_v2'],
      ['node2', 'DC4s_v2'],
      ['node3', 'DC2s_v2'],
    ],
  )
})
