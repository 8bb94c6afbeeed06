import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LABELS_ANNOTATION, SGX_CAPABLE, SGX_LABELS } from './names.ts'
import type { NodeCondition, NodeObject } from './node-object.ts'
import { isNothing, type NodePlan, planNode } from './node-plan.ts'
import { REASONS, type Verdict } from './verdict.ts'

const at = new Date('2026-11-25T02:00:00.500Z')
const stamp = '2026-11-25T02:00:00Z'
const early = '2026-11-01T00:00:00Z'
const labels = Object.keys(SGX_LABELS)
const now = { at, labelsMayGo: false }
const later = { at, labelsMayGo: true }

const capable: Verdict = { capable: true, causes: [], reason: 'Capable', message: 'can' }
const untold: Verdict = { capable: 'unknown', causes: [], reason: 'CannotTell', message: 'hm' }
const incapable = (...names: (keyof typeof REASONS)[]): Verdict => ({
  capable: false,
  causes: names.map(name => ({ name, reason: REASONS[name], message: `no ${name}` })),
  reason: 'NoDriver',
  message: 'cannot',
})

interface Given {
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly conditions?: readonly NodeCondition[]
  readonly capacity?: Readonly<Record<string, string>>
}

function node({
  labels = {},
  annotations = {},
  conditions = [],
  capacity = {},
}: Given = {}): NodeObject {
  const metadata = { name: 'n', uid: 'u', resourceVersion: '1', labels, annotations }
  return { metadata, status: { capacity, conditions } }
}

const condition = (type: string, status: string, more: Partial<NodeCondition> = {}) => ({
  ...{ type, status, reason: 'R', message: 'm', lastTransitionTime: early },
  ...more,
})

/** The Node after a plan, as the API server would have it. */
function applied(before: NodeObject, plan: NodePlan): NodeObject {
  const { metadata, status } = before
  const changed = <T>(
    record: Readonly<Record<string, T>>,
    patch: Readonly<Record<string, T | null>>,
  ) => {
    const entries = Object.entries({ ...record, ...patch })
    return Object.fromEntries(entries.filter((one): one is [string, T] => one[1] !== null))
  }
  const names = new Set(plan.conditions.map(({ type }) => type))
  return {
    metadata: {
      ...metadata,
      labels: changed(metadata.labels, plan.labels),
      annotations: changed(metadata.annotations, plan.annotations),
    },
    status: {
      ...status,
      conditions: [
        ...status.conditions.filter(({ type }) => !names.has(type)),
        ...plan.conditions.flatMap(one => ('$patch' in one ? [] : [one])),
      ],
    },
  }
}

test('a capable node gets all labels, and which are ours is noted', () => {
  const plan = planNode(node(), capable, now)
  deepEqual(plan.labels, SGX_LABELS)
  deepEqual(plan.annotations, { [LABELS_ANNOTATION]: labels.join(',') })
  deepEqual(plan.events, [])
})

test('labels stay while EPC is published: its removal is the device plugin’s, which the label keeps there', () => {
  const annotations = { [LABELS_ANNOTATION]: labels.join(',') }
  const ours = { labels: SGX_LABELS, annotations }
  const incapable = { capable: false, causes: [], reason: 'NoEpc', message: 'none' } as const
  const long = { at: now.at, labelsMayGo: true }
  const capacity = { 'sgx.intel.com/epc': '1Mi' }
  deepEqual(planNode(node({ ...ours, capacity }), incapable, long).labels, {})
  const gone = planNode(node(ours), incapable, long).labels
  deepEqual(Object.values(gone), [null, null, null, null])
})

test('labels of somebody else stay his, whatever their value', () => {
  const [ours = '', nfd = '', ...rest] = labels
  const plan = planNode(node({ labels: { [nfd]: 'false', arch: 'amd64' } }), capable, now)
  deepEqual(Object.keys(plan.labels), [ours, ...rest])
  deepEqual(plan.annotations, { [LABELS_ANNOTATION]: [ours, ...rest].join(',') })
})

test('a node whose labels are all somebody else’s gets no annotation', () => {
  const plan = planNode(node({ labels: SGX_LABELS }), capable, now)
  deepEqual([plan.labels, plan.annotations], [{}, {}])
})

test('a label of ours that was removed or changed is put right', () => {
  const [ours = '', nfd = '', ...rest] = labels
  const there = { ...Object.fromEntries(rest.map(key => [key, 'true'])), [nfd]: 'false' }
  const annotations = { [LABELS_ANNOTATION]: labels.join(',') }
  const plan = planNode(node({ labels: there, annotations }), capable, now)
  deepEqual(plan.labels, { [ours]: 'true', [nfd]: 'true' })
  deepEqual(plan.annotations, {})
})

test('labels of ours go from an incapable node, once they may; other labels stay', () => {
  const [ours = '', nfd = '', other = ''] = labels
  const there = node({
    labels: { [ours]: 'true', [nfd]: 'true', [other]: 'true', arch: 'amd64' },
    annotations: { [LABELS_ANNOTATION]: `${ours}, ${nfd},arch`, a: 'b' },
  })
  const soon = planNode(there, incapable('kernel-driver'), now)
  deepEqual([soon.labels, soon.annotations], [{}, {}])
  const plan = planNode(there, incapable('kernel-driver'), later)
  deepEqual(plan.labels, { [ours]: null, [nfd]: null })
  deepEqual(plan.annotations, { [LABELS_ANNOTATION]: null })
})

test('where it cannot be told, labels stay as they are', () => {
  const labelled = applied(node(), planNode(node(), capable, now))
  const plan = planNode(labelled, untold, later)
  deepEqual([plan.labels, plan.annotations], [{}, {}])
  deepEqual(planNode(node(), untold, later).labels, {})
  equal(plan.conditions.length, 1)
})

test('each missing thing is a condition, and one sums up', () => {
  const plan = planNode(node(), incapable('kernel-driver', 'fsgsbase'), now)
  const times = { lastHeartbeatTime: stamp, lastTransitionTime: stamp }
  deepEqual(plan.conditions, [
    { type: SGX_CAPABLE, status: 'False', reason: 'NoDriver', message: 'cannot', ...times },
    {
      ...{ type: 'alcove.dev/kernel-driver', status: 'False', reason: 'NoDriver' },
      ...{ message: 'no kernel-driver', ...times },
    },
    {
      ...{ type: 'alcove.dev/fsgsbase', status: 'False', reason: 'NoFsgsbase' },
      ...{ message: 'no fsgsbase', ...times },
    },
  ])
  deepEqual(plan.events, [
    { type: 'Warning', reason: 'NoDriver', message: 'no kernel-driver' },
    { type: 'Warning', reason: 'NoFsgsbase', message: 'no fsgsbase' },
  ])
})

test('a condition is as old as its status, not as its words', () => {
  const conditions = [condition(SGX_CAPABLE, 'False'), condition('alcove.dev/epc', 'True')]
  const plan = planNode(node({ conditions }), incapable('epc'), now)
  const since = plan.conditions.map(one => '$patch' in one || one.lastTransitionTime)
  deepEqual(since, [early, stamp])
})

test('what was told once is not told again, neither by this process nor the next', () => {
  const first = planNode(node(), incapable('epc'), now)
  equal(first.events.length, 1)
  ok(isNothing(planNode(applied(node(), first), incapable('epc'), now)))
  const more = planNode(applied(node(), first), incapable('epc', 'fsgsbase'), now)
  deepEqual(
    more.events.map(({ reason }) => reason),
    ['NoFsgsbase'],
  )
})

test('conditions that no longer hold are removed; those of others are not', () => {
  const conditions = [
    condition('Ready', 'True'),
    condition('alcove.dev/EpcPublished', 'True'),
    condition('alcove.dev/epc', 'False'),
    condition(SGX_CAPABLE, 'False'),
  ]
  const plan = planNode(node({ conditions }), capable, now)
  deepEqual(
    plan.conditions.map(one => [one.type, '$patch' in one]),
    [
      [SGX_CAPABLE, false],
      ['alcove.dev/epc', true],
    ],
  )
  deepEqual(plan.events, [{ type: 'Normal', reason: 'SgxCapable', message: 'can' }])
})

const word = fc.constantFrom('true', 'false', '')
const anyNode: fc.Arbitrary<NodeObject> = fc
  .record({
    labels: fc.dictionary(fc.constantFrom(...labels, 'arch', 'role'), word),
    listed: fc.option(fc.array(fc.constantFrom(...labels, 'arch', ' ', '')), { nil: undefined }),
    other: fc.dictionary(fc.constantFrom('a', 'alcove.dev/other'), word),
    conditions: fc.uniqueArray(
      fc.record({
        type: fc.constantFrom(
          ...['Ready', 'alcove.dev/Other', SGX_CAPABLE],
          ...Object.keys(REASONS).map(name => `alcove.dev/${name}`),
        ),
        status: fc.constantFrom('True', 'False', 'Unknown'),
        reason: fc.constantFrom('R', 'Capable', 'NoDriver'),
        message: fc.constantFrom('m', 'can', 'cannot'),
        lastTransitionTime: fc.constantFrom(early, null, undefined),
      }),
      { selector: ({ type }) => type },
    ),
  })
  .map(({ labels: there, listed, other, conditions }) =>
    node({
      labels: there,
      annotations: { ...other, ...(listed && { [LABELS_ANNOTATION]: listed.join(',') }) },
      conditions,
    }),
  )
const anyVerdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constant(capable),
  fc.constant(untold),
  fc
    .uniqueArray(fc.constantFrom('kernel-driver' as const, 'epc' as const, 'fsgsbase' as const), {
      minLength: 1,
    })
    .map(names => incapable(...names)),
)
const laws = { node: anyNode, verdict: anyVerdict, labelsMayGo: fc.boolean() }

test('after a plan there is nothing to do, and nothing to tell', () => {
  fc.assert(
    fc.property(fc.record(laws), ({ node: before, verdict, labelsMayGo }) => {
      const after = applied(before, planNode(before, verdict, { at, labelsMayGo }))
      const again = planNode(after, verdict, { at: new Date(at.getTime() + 99_000), labelsMayGo })
      ok(isNothing(again))
      deepEqual(again.events, [])
    }),
  )
})

test('what is not ours never changes', () => {
  const foreign = ({ metadata, status }: NodeObject) => {
    const listed = new Set(metadata.annotations[LABELS_ANNOTATION]?.split(','))
    const { [LABELS_ANNOTATION]: _ours, ...annotations } = metadata.annotations
    const isOurs = (key: string) => key in SGX_LABELS && listed.has(key)
    return {
      labels: Object.entries(metadata.labels).filter(([key]) => !isOurs(key)),
      annotations,
      conditions: status.conditions.filter(
        ({ type }) =>
          type !== SGX_CAPABLE && !Object.keys(REASONS).includes(type.replace('alcove.dev/', '')),
      ),
    }
  }
  fc.assert(
    fc.property(fc.record(laws), ({ node: before, verdict, labelsMayGo }) => {
      const after = applied(before, planNode(before, verdict, { at, labelsMayGo }))
      const kept = foreign(before)
      for (const [key, value] of kept.labels) equal(after.metadata.labels[key], value, key)
      deepEqual(foreign(after).annotations, kept.annotations)
      deepEqual(foreign(after).conditions, kept.conditions)
    }),
  )
})
