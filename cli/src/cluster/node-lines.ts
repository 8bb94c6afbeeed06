import { ENCLAVE_RESOURCE, PROVISION_RESOURCE } from '@alcove/device-plugin'
import { folded } from '../plain-text.ts'
import { findingJson, findingLines, offerJson } from './cluster-lines.ts'
import {
  type ClusterCondition,
  type ClusterEvent,
  type ClusterNode,
  type ClusterPod,
  componentOf,
  conditionOf,
} from './cluster-objects.ts'
import { type NodeView, nodeView, simulatedNodes } from './cluster-view.ts'
import {
  CONDITION_PREFIX,
  type Finding,
  nodeFindings,
  ourPodFindings,
  SGX_CAPABLE,
} from './findings.ts'
import { epcResource, epcText } from './sgx-amounts.ts'

/** What the API server knows of a node’s SGX. */
export interface NodeDiagnosis {
  readonly name: string
  readonly simulated: boolean
  /** As discovery found it; `unknown` too where it does not run. */
  readonly capable: boolean | 'unknown'
  /** Whether discovery wrote anything. */
  readonly discovered: boolean
  /** Labels about SGX, whoever put them there. */
  readonly labels: Readonly<Record<string, string>>
  readonly view: NodeView
  readonly conditions: readonly ClusterCondition[]
  /** The newest last. */
  readonly events: readonly ClusterEvent[]
  /** What is wrong beyond the conditions. */
  readonly wrong: readonly Finding[]
}

export function nodeDiagnosis(
  node: ClusterNode,
  pods: readonly ClusterPod[],
  events: readonly ClusterEvent[],
): NodeDiagnosis {
  const { name, labels } = node.metadata
  const conditions = (node.status?.conditions ?? []).filter(({ type }) =>
    type.startsWith(CONDITION_PREFIX),
  )
  const summary = conditionOf(conditions, SGX_CAPABLE)
  // whose pods hold what was not asked: that is `status --cluster`
  const view = nodeView(node, [])
  return {
    name,
    simulated: simulatedNodes(pods).has(name),
    capable: capabilityOf(summary),
    discovered: summary !== undefined,
    labels: Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => /sgx/i.test(key))),
    view,
    conditions: conditions.toSorted((one, other) => rank(one) - rank(other)),
    events: events.toSorted((one, other) => (timeOf(one) < timeOf(other) ? -1 : 1)),
    wrong: [
      ...nodeFindings(node, view).filter(({ code }) => code !== 'condition'),
      ...pods.flatMap(ourPodFindings),
    ],
  }
}

/** The summary first; the others keep the order in which discovery wrote them, which is of cause. */
function rank({ type }: ClusterCondition): number {
  return type === SGX_CAPABLE ? 0 : 1
}

function capabilityOf(summary: ClusterCondition | undefined): boolean | 'unknown' {
  if (summary?.status === 'True') return true
  return summary?.status === 'False' ? false : 'unknown'
}

/** The diagnosis in lines for a terminal, at most 80 columns. */
export function nodeLines(diagnosis: NodeDiagnosis): string[] {
  const { name, simulated, labels, conditions, events, wrong } = diagnosis
  return [
    ...(simulated ? [folded(`SIMULATED NODE: ${name} offers no real hardware.`, ''), ''] : []),
    folded(`NODE ${name}`, ''),
    ...section('LABELS', Object.entries(labels).map(labelLine), 'none of SGX'),
    ...section('RESOURCES', resourceLines(diagnosis.view), 'none of SGX'),
    ...section('CONDITIONS', conditions.flatMap(conditionLines), 'none: discovery wrote nothing'),
    ...section('EVENTS', events.slice(-MOST_EVENTS).map(eventLine), 'none of late'),
    ...(wrong.length === 0 ? [] : ['', 'WHAT ELSE IS WRONG', ...wrong.flatMap(findingLines)]),
    '',
    ...conclusionLines(diagnosis),
  ].flatMap(text => text.split('\n'))
}

/** The diagnosis as data. */
export function nodeJson(diagnosis: NodeDiagnosis): Readonly<Record<string, unknown>> {
  const { view, conditions, events, wrong, ...told } = diagnosis
  return {
    ...told,
    conclusion: conclusionOf(diagnosis),
    ready: view.ready,
    epc: view.epc.map(({ mode, capacityBytes, allocatableBytes }) => {
      return { mode, capacityBytes, allocatableBytes }
    }),
    enclave: offerJson(view.enclave),
    provision: offerJson(view.provision),
    conditions: conditions.map(({ type, status, reason, message }) => {
      return { type, status, reason: reason ?? null, message: message ?? null }
    }),
    events: events.map(event => {
      const [time, component] = [timeOf(event), componentOf(event)]
      const { type, reason, message, count } = event
      return { time, component, type, reason, message, count: count ?? 1 }
    }),
    wrong: wrong.map(findingJson),
  }
}

const MOST_EVENTS = 10

function section(title: string, lines: readonly string[], none: string): string[] {
  return ['', title, ...(lines.length === 0 ? [`  ${none}`] : lines)]
}

function labelLine([key, value]: readonly [string, string]): string {
  return folded(`${key}=${value}`, '  ')
}

function resourceLines({ epc, enclave, provision }: NodeView): string[] {
  const offers = [
    ...epc.map(({ mode, capacityBytes, allocatableBytes }) => {
      return [epcResource[mode], epcText(capacityBytes), epcText(allocatableBytes)] as const
    }),
    ...[[ENCLAVE_RESOURCE, enclave] as const, [PROVISION_RESOURCE, provision] as const].flatMap(
      ([name, { capacity, allocatable }]) =>
        capacity === undefined ? [] : [[name, `${capacity}`, `${allocatable ?? '–'}`] as const],
    ),
  ]
  return offers.map(([name, capacity, allocatable]) => {
    return `  ${name.padEnd(41)}${capacity.padEnd(13)}allocatable ${allocatable}`
  })
}

const NAME = 20
const signs = new Map([
  ['True', '✓'],
  ['False', '✗'],
])

function conditionLines({ type, status, reason, message }: ClusterCondition): string[] {
  const name = type.slice(CONDITION_PREFIX.length)
  const said = message || reason || status
  const first = `  ${signs.get(status) ?? '?'} `
  if (name.length < NAME) return [folded(said, `${first}${name.padEnd(NAME)}`)]
  return [folded(name, first), folded(said, ' '.repeat(4 + NAME))]
}

function eventLine(event: ClusterEvent): string {
  const { reason, message, count } = event
  const times = (count ?? 1) > 1 ? ` (${count} times)` : ''
  const head = `${timeOf(event)} ${componentOf(event)}${times}: ${reason ?? ''}`
  return `${folded(head, '  ')}\n${folded(message ?? '', '      ')}`
}

function timeOf({ lastTimestamp, eventTime, metadata }: ClusterEvent): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? ''
}

function conclusionLines(diagnosis: NodeDiagnosis): string[] {
  const { name, discovered } = diagnosis
  const conclusion = folded(conclusionOf(diagnosis), '')
  if (discovered) return [conclusion]
  return [
    conclusion,
    folded('discovery does not run on it. To switch it on:', '  → ', '    '),
    '    helm upgrade alcove deploy/helm/alcove -n alcove-system --reuse-values \\',
    '      --set discovery.enabled=true',
    folded(
      'or run doctor on the node itself, with the image of the device plugin:',
      '  → ',
      '    ',
    ),
    `    kubectl debug ${broken(`node/${name}`)} -it --image=IMAGE -- \\`,
    '      alcove-node alcove.mjs doctor --host-root /host',
  ]
}

/** A node’s name that fits no line is not written into a command. */
function broken(name: string): string {
  return name.length <= 45 ? name : 'node/NAME'
}

function conclusionOf({ name, capable, discovered, conditions, view }: NodeDiagnosis): string {
  if (capable === true) {
    const offered = view.epc.some(({ allocatableBytes }) => allocatableBytes > 0n)
    const end = offered ? '' : '; but no EPC is offered: does the device plugin run on it?'
    return `CAPABLE: ${name} can run enclaves and make quotes${end}`
  }
  if (!discovered) return `CANNOT TELL whether ${name} can serve: nothing has looked at it`
  const cause = conditions.find(({ type, status }) => type !== SGX_CAPABLE && status === 'False')
  const begin =
    cause === undefined ? '' : `; begin with ${cause.type.slice(CONDITION_PREFIX.length)}`
  return capable === false
    ? `NOT CAPABLE: ${name} cannot serve${begin}`
    : `CANNOT TELL whether ${name} can serve${begin}`
}
