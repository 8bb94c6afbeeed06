import { folded, jsonText } from '../plain-text.ts'
import type { ClusterView, EpcView, NodeView, Offer, SgxPod } from './cluster-view.ts'
import type { Finding } from './findings.ts'
import { epcModes, epcText, type SgxAmounts } from './sgx-amounts.ts'
import type { WaitingPod } from './waiting.ts'

/** The view in lines for a terminal, at most 80 columns. */
export function clusterLines(view: ClusterView): string[] {
  const { nodes, holders, waiting, wrong } = view
  return [
    ...headLines(view),
    '',
    'NODES',
    nodeRow('name', 'EPC mode', 'capacity', 'allocated', 'free', 'pods', 'ready'),
    ...nodes.flatMap(nodeLines),
    '',
    'WHO HOLDS IT',
    ...(holders.length === 0
      ? ['  nobody']
      : [holderRow('pod', 'EPC', 'enclave', 'provision'), ...holders.flatMap(holderLines)]),
    '',
    ...(waiting.length === 0 ? [] : ['PENDING', ...waiting.flatMap(waitingLines), '']),
    ...(wrong.length === 0 ? [] : ['WHAT IS WRONG', ...wrong.flatMap(findingLines), '']),
    folded(conclusionOf(view), ''),
  ].flatMap(text => text.split('\n'))
}

/** The view as data. EPC is in bytes; an amount past 2^53, which no number holds, is a string. */
export function clusterJson(view: ClusterView): string {
  const { simulated, nodes, holders, waiting, wrong } = view
  const data = {
    simulated,
    nodes: nodes.map(({ enclave, provision, ...node }) => {
      return { ...node, enclave: offerJson(enclave), provision: offerJson(provision) }
    }),
    holders: holders.map(podJson),
    waiting: waiting.map(pod => {
      const { scheduler, explanations, fitsNoNode } = pod
      return { ...podJson(pod), scheduler: scheduler ?? null, explanations, fitsNoNode }
    }),
    wrong: wrong.map(findingJson),
    conclusion: conclusionOf(view),
  }
  return jsonText(data, amountJson)
}

export function amountJson(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

export function findingJson({ remedy, ...finding }: Finding): object {
  return { ...finding, remedy: remedy ?? null }
}

export function offerJson({ capacity, allocatable }: Offer): object {
  return { capacity: capacity ?? null, allocatable: allocatable ?? null }
}

function podJson({ namespace, name, node, amounts }: SgxPod): object {
  const { epc, enclave = 0n, provision = 0n } = amounts
  const epcBytes = { bytes: epc.bytes ?? 0n, devices: epc.devices ?? 0n }
  return { namespace, name, node: node ?? null, epcBytes, enclave, provision }
}

function headLines({ simulated, nodes }: ClusterView): string[] {
  const withEpc = nodes.filter(({ epc }) => epc.some(one => one.capacityBytes > 0n)).length
  const counted = `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}, ${withEpc} with EPC`
  if (simulated.length === 0) return [`SGX in this cluster: ${counted}`]
  const which = simulated.length === nodes.length ? 'all nodes' : simulated.join(', ')
  return [
    `SIMULATED SGX in this cluster: ${counted}`,
    folded(`No real hardware is offered by ${which}.`, '  '),
  ]
}

const NAME = 22

function nodeRow(...cells: readonly string[]): string {
  const [name = '', mode = '', capacity = '', allocated = '', free = '', pods = '', ready = ''] =
    cells
  const start = name.length < NAME ? `  ${name.padEnd(NAME)}` : `  ${name}\n  ${' '.repeat(NAME)}`
  return `${start}${mode.padEnd(9)}${capacity.padEnd(12)}${allocated.padEnd(12)}${free.padEnd(12)}${pods.padEnd(6)}${ready}`
}

function nodeLines(node: NodeView): string[] {
  const shown: readonly (EpcView | undefined)[] = node.epc.length === 0 ? [undefined] : node.epc
  return shown.map((epc, index) => {
    const first = index === 0
    const name = first ? folded(node.name, '').replaceAll('\n', '\n  ') : ''
    return nodeRow(
      name,
      epc?.mode ?? 'none',
      ...[epc?.capacityBytes, epc?.allocatedBytes, epc?.freeBytes].map(bytes =>
        bytes === undefined ? '–' : epcText(bytes),
      ),
      first ? String(node.holders) : '',
      first ? (node.ready ? 'yes' : 'no') : '',
    )
  })
}

const HOLDER = 46

function holderRow(name: string, epc: string, enclave: string, provision: string): string {
  return `  ${name.padEnd(HOLDER)}${epc.padEnd(14)}${enclave.padEnd(8)}${provision}`
}

/** The node below the pod: both names are long where a cloud made them. */
function holderLines({ namespace, name, node = '', amounts }: SgxPod): string[] {
  const pod = `${namespace}/${name}`
  const amountCells = [
    heldText(amounts),
    String(amounts.enclave ?? '–'),
    String(amounts.provision ?? '–'),
  ] as const
  const on = folded(`on ${node}`, '    ')
  if (pod.length < HOLDER) return [holderRow(pod, ...amountCells), on]
  return [folded(pod, '  '), holderRow('', ...amountCells), on]
}

function heldText({ epc }: SgxAmounts): string {
  const held = epcModes.flatMap(mode => epc[mode] ?? [])
  return held.length === 0 ? '–' : epcText(held.reduce((sum, one) => sum + one))
}

function waitingLines({ scheduler, explanations, ...pod }: WaitingPod): string[] {
  const { amounts } = pod
  const asks = [
    `EPC ${heldText(amounts)}`,
    `enclave ${amounts.enclave ?? '–'}`,
    `provision ${amounts.provision ?? '–'}`,
  ].join(', ')
  return [
    folded(`${pod.namespace}/${pod.name}: ${asks}`, '  ', '    '),
    folded(scheduler ?? 'the scheduler has not looked at it yet', '    scheduler: ', '      '),
    ...explanations.map(text => folded(text, '    → ', '      ')),
  ]
}

export function findingLines({ where, found, remedy }: Finding): string[] {
  return [
    folded(where, '  ✗ '),
    folded(found, '      '),
    ...(remedy === undefined ? [] : [folded(remedy, '      → ', '        ')]),
  ]
}

function conclusionOf({ nodes, wrong }: ClusterView): string {
  const [first] = wrong
  if (first !== undefined) {
    const things = wrong.length === 1 ? '1 THING IS' : `${wrong.length} THINGS ARE`
    return `${things} WRONG; begin with ${first.where}`
  }
  if (nodes.every(({ epc }) => epc.length === 0)) {
    return 'NOTHING IS WRONG, but no node offers EPC: is Alcove installed, and has a node SGX?'
  }
  return 'NOTHING IS WRONG'
}
