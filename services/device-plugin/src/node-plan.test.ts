import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NodeObject } from './node-object.ts'
import { type Plan, type PlanInput, planNode } from './node-plan.ts'

const EPC = 'sgx.intel.com/epc'
const MIB_EPC = 'kubernetes.azure.com/sgx_epc_mem_in_MiB'
const TAINT = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'
const other = { key: 'spot', effect: 'NoSchedule' }
const startup = { key: TAINT, value: 'pending', effect: 'NoSchedule' }

function node(
  capacity: Record<string, string>,
  allocatable = capacity,
  taints: NodeObject['spec']['taints'] = [],
): NodeObject {
  return {
    metadata: { name: 'n', uid: 'u', resourceVersion: '1', managedFields: [] },
    spec: { taints },
    status: { capacity, allocatable },
  }
}

function plan(input: Partial<PlanInput> & Pick<PlanInput, 'node'>): Plan {
  return planNode({
    wanted: { kind: 'epc', bytes: 100n },
    held: 0n,
    formerResources: [MIB_EPC],
    startupTaint: TAINT,
    serving: false,
    ...input,
  })
}

const cases: readonly [
  what: string,
  input: Partial<PlanInput> & Pick<PlanInput, 'node'>,
  quantities: Plan['quantities'],
][] = [
  ['EPC is published where there is none', { node: node({}) }, { [EPC]: '100' }],
  ['what is right is left alone', { node: node({ [EPC]: '100' }) }, {}],
  [
    'a figure that the API server has written otherwise is the same',
    { node: node({ [EPC]: '131072k' }), wanted: { kind: 'epc', bytes: 131_072_000n } },
    {},
  ],
  ['a 0 of another writer is put right', { node: node({ [EPC]: '0' }) }, { [EPC]: '100' }],
  ['a wrong figure is put right', { node: node({ [EPC]: '12Mi' }) }, { [EPC]: '100' }],
  [
    'capacity that is not allocatable yet is made so',
    { node: node({ [EPC]: '100' }, {}) },
    { [EPC]: '100' },
  ],
  [
    'EPC is not lowered below what pods hold',
    { node: node({ [EPC]: '200' }), held: 150n },
    { [EPC]: '150' },
  ],
  [
    'EPC is not lowered before pods are known',
    { node: node({ [EPC]: '200' }), held: undefined },
    {},
  ],
  [
    'where the node cannot be read, nothing is touched',
    { node: node({ [EPC]: '0' }), wanted: { kind: 'unknown' } },
    {},
  ],
  [
    'EPC that is gone stays while a pod holds it',
    { node: node({ [EPC]: '100' }), wanted: { kind: 'none' }, held: 10n },
    {},
  ],
  [
    'EPC that is gone is at least what pods hold, whoever wrote 0',
    { node: node({ [EPC]: '0' }), wanted: { kind: 'none' }, held: 10n },
    { [EPC]: '10' },
  ],
  [
    'EPC that is gone and held by nobody loses its key',
    { node: node({ [EPC]: '100' }), wanted: { kind: 'none' } },
    { [EPC]: null },
  ],
  [
    'EPC that is gone stays while pods are not known',
    { node: node({ [EPC]: '100' }), wanted: { kind: 'none' }, held: undefined },
    {},
  ],
  ['where there never was EPC, none is written', { node: node({}), wanted: { kind: 'none' } }, {}],
  [
    'the other mode’s resource is removed once its kubelet has given it up',
    { node: node({ [EPC]: '100', [MIB_EPC]: '0' }) },
    { [MIB_EPC]: null },
  ],
  ['and not before', { node: node({ [EPC]: '100', [MIB_EPC]: '56' }) }, {}],
]

for (const [what, input, quantities] of cases) {
  test(what, () => deepEqual(plan(input).quantities, quantities))
}

test('the startup taint goes when pods can have EPC, and other taints stay', () => {
  const tainted = node({ [EPC]: '100' }, undefined, [other, startup])
  deepEqual(plan({ node: tainted, serving: true }).taints, [other])
  equal(plan({ node: tainted, serving: false }).taints, undefined)
  equal(plan({ node: node({ [EPC]: '100' }, undefined, [other]), serving: true }).taints, undefined)
})

const quantity = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom('0', '12Mi', '-5', 'x', ''),
  fc.bigInt(0n, 1n << 62n).map(String),
)
const input = fc
  .record({
    capacity: quantity,
    allocatable: quantity,
    wanted: fc.oneof(
      fc.record({ kind: fc.constant('epc' as const), bytes: fc.bigInt(1n, 1n << 62n) }),
      fc.constant({ kind: 'none' as const }),
      fc.constant({ kind: 'unknown' as const }),
    ),
    held: fc.option(fc.bigInt(0n, 1n << 62n), { nil: undefined }),
  })
  .map(({ capacity, allocatable, ...rest }) => {
    const keyed = (value: string | undefined) => (value === undefined ? {} : { [EPC]: value })
    return { node: node(keyed(capacity), keyed(allocatable)), ...rest }
  })

test('law: no 0 is ever written, and nothing below what pods hold', () => {
  fc.assert(
    fc.property(input, each => {
      const written = plan(each).quantities[EPC]
      if (written === undefined) return
      if (written === null) {
        const nobody = each.held === 0n || each.node.status.capacity[EPC] === undefined
        ok(each.wanted.kind === 'none' && nobody)
        return
      }
      ok(BigInt(written) > 0n)
      ok(BigInt(written) >= (each.held ?? 0n))
    }),
  )
})

test('law: after what was planned is written there is nothing more to write', () => {
  fc.assert(
    fc.property(input, each => {
      const { quantities } = plan(each)
      const apply = (before: Readonly<Record<string, string>>) =>
        Object.fromEntries(
          Object.entries({ ...before, ...quantities }).filter(
            (entry): entry is [string, string] => entry[1] !== null,
          ),
        )
      const { capacity, allocatable } = each.node.status
      const after = node(apply(capacity), apply(allocatable))
      deepEqual(plan({ ...each, node: after }).quantities, {})
    }),
  )
})
