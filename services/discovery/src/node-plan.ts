import type { NodeEvent } from '@alcove/kube-api'
import {
  CONDITION_PREFIX,
  EPC_BYTES_RESOURCE,
  LABELS_ANNOTATION,
  listedLabels,
  SGX_CAPABLE,
  SGX_LABELS,
} from './names.ts'
import type { NodeCondition, NodeObject } from './node-object.ts'
import { REASONS, type Verdict } from './verdict.ts'

/** What is to be written, and told, so that the Node says what was found; all of it empty where it does. */
export interface NodePlan {
  /** `null` removes one. */
  readonly labels: Readonly<Record<string, string | null>>
  readonly annotations: Readonly<Record<string, string | null>>
  readonly conditions: readonly ConditionChange[]
  /** To be recorded once the conditions are written: these tell the next process what has been said. */
  readonly events: readonly Pick<NodeEvent, 'type' | 'reason' | 'message'>[]
}

/** An item of a strategic merge patch, whose merge key is `type`. */
export type ConditionChange =
  | (NodeCondition & { readonly lastHeartbeatTime: string })
  | { readonly type: string; readonly $patch: 'delete' }

export interface PlanOptions {
  readonly at: Date
  /** The node has been incapable for so long that its labels, and with them the device plugin's pod, may go. */
  readonly labelsMayGo: boolean
}

/** From the Node as it is to the Node as it should be. What is not ours does not change. Pure. */
export function planNode(node: NodeObject, verdict: Verdict, options: PlanOptions): NodePlan {
  return {
    ...planLabels(node, verdict, options.labelsMayGo),
    conditions: planConditions(node, verdict, timestamp(options.at)),
    events: planEvents(node, verdict),
  }
}

export function isNothing({ labels, annotations, conditions }: NodePlan): boolean {
  return [labels, annotations, conditions].every(part => Object.keys(part).length === 0)
}

function planLabels(
  { metadata, status }: NodeObject,
  { capable }: Verdict,
  mayGo: boolean,
): Pick<NodePlan, 'labels' | 'annotations'> {
  const { labels, annotations } = metadata
  const listed = listedLabels(annotations[LABELS_ANNOTATION])
  if (capable === true) {
    const ours = Object.keys(SGX_LABELS).filter(key => listed.includes(key) || !(key in labels))
    const wrong = ours.filter(key => labels[key] !== SGX_LABELS[key])
    return {
      labels: Object.fromEntries(wrong.map(key => [key, SGX_LABELS[key] ?? null])),
      annotations: annotationTo(annotations, ours.length === 0 ? null : ours.join(',')),
    }
  }
  // The device plugin takes EPC from the node when no pod holds it any more; without the label it would not be there to do so.
  const published = EPC_BYTES_RESOURCE in status.capacity
  if (capable === 'unknown' || !mayGo || published) return { labels: {}, annotations: {} }
  const going = listed.filter(key => key in labels)
  return {
    labels: Object.fromEntries(going.map(key => [key, null])),
    annotations: annotationTo(annotations, null),
  }
}

function annotationTo(
  annotations: Readonly<Record<string, string>>,
  wanted: string | null,
): NodePlan['annotations'] {
  return (annotations[LABELS_ANNOTATION] ?? null) === wanted ? {} : { [LABELS_ANNOTATION]: wanted }
}

/**
 * No heartbeats: a condition is written when what it says changes. A write for every node and interval, only to say that
 * discovery still runs, would load the API server and all who watch nodes; whether it runs its own pod's readiness says.
 */
function planConditions(node: NodeObject, verdict: Verdict, at: string): ConditionChange[] {
  const wanted = wantedConditions(verdict)
  const there = new Map(node.status.conditions.map(one => [one.type, one]))
  const changed = wanted.filter(one => {
    const now = there.get(one.type)
    return now?.status !== one.status || now.reason !== one.reason || now.message !== one.message
  })
  const gone = [...ourTypes].filter(
    type => there.has(type) && !wanted.some(one => one.type === type),
  )
  return [
    ...changed.map(one => {
      const now = there.get(one.type)
      const since = now?.status === one.status ? (now.lastTransitionTime ?? at) : at
      return { ...one, lastHeartbeatTime: at, lastTransitionTime: since }
    }),
    ...gone.map(type => ({ type, $patch: 'delete' as const })),
  ]
}

const summaryStatus = { true: 'True', false: 'False', unknown: 'Unknown' } as const

function wantedConditions({ capable, causes, reason, message }: Verdict): NodeCondition[] {
  return [
    { type: SGX_CAPABLE, status: summaryStatus[`${capable}`], reason, message },
    ...causes.map(cause => ({
      type: typeOf(cause.name),
      status: 'False',
      reason: cause.reason,
      message: cause.message,
    })),
  ]
}

function typeOf(name: string): string {
  return `${CONDITION_PREFIX}${name}`
}

/** Other conditions below our prefix are another part of Alcove's. */
const ourTypes: ReadonlySet<string> = new Set([SGX_CAPABLE, ...Object.keys(REASONS).map(typeOf)])

function planEvents({ status }: NodeObject, { capable, causes, message }: Verdict) {
  const statusOf = new Map(status.conditions.map(one => [one.type, one.status]))
  const events: NodePlan['events'][number][] = causes
    .filter(({ name }) => statusOf.get(typeOf(name)) !== 'False')
    .map(cause => ({ type: 'Warning', reason: cause.reason, message: cause.message }))
  const before = statusOf.get(SGX_CAPABLE)
  if (capable === true && before !== undefined && before !== 'True') {
    events.push({ type: 'Normal', reason: 'SgxCapable', message })
  }
  return events
}

/** As Kubernetes writes times: whole seconds. */
function timestamp(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z')
}
