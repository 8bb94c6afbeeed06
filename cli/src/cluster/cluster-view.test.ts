// Over 300 lines: one cluster’s objects, and every question that is asked of them.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  alcovePod,
  ENCLAVE,
  EPC,
  failing,
  MIB_EPC,
  node,
  PROVISION,
  pod,
  unscheduled,
} from '../../testing/cluster-fixture.ts'
import { clusterJson, clusterLines } from './cluster-lines.ts'
import type { ClusterContainer, ClusterNode, ClusterPod } from './cluster-objects.ts'
import { clusterView } from './cluster-view.ts'
import { nodeDiagnosis, nodeLines } from './node-lines.ts'

const sgx = { [EPC]: '98566144', [ENCLAVE]: '110', [PROVISION]: '110' }
const small = { [EPC]: '10Mi', [ENCLAVE]: '1' }

function codes(nodes: readonly ClusterNode[], pods: readonly ClusterPod[] = []): string[] {
  return clusterView(nodes, pods).wrong.map(({ code, where }) => `${code} ${where}`)
}

function lines(nodes: readonly ClusterNode[], pods: readonly ClusterPod[] = []): string[] {
  const printed = clusterLines(clusterView(nodes, pods))
  for (const line of printed) ok(line.length <= 80, `${line.length}: ${line}`)
  return printed
}

test('a healthy cluster: who has what, who holds what, and nothing wrong', () => {
  const nodes = [node('sgx-b', sgx), node('sgx-a', sgx), node('plain', {})]
  const pods = [
    pod('hello', small, { nodeName: 'sgx-a' }),
    pod('quoter', { ...small, [PROVISION]: '1' }, { nodeName: 'sgx-a' }),
    pod('done', small, { nodeName: 'sgx-a', phase: 'Succeeded' }),
    alcovePod('alcove-device-plugin-x', 'sgx-a'),
  ]
  deepEqual(lines(nodes, pods), [
    'SGX in this cluster: 3 nodes, 2 with EPC',
    '',
    'NODES',
    '  name                  EPC mode capacity    allocated   free        pods  ready',
    '  plain                 none     –           –           –           0     yes',
    '  sgx-a                 bytes    94 MiB      20 MiB      74 MiB      2     yes',
    '  sgx-b                 bytes    94 MiB      0 MiB       94 MiB      0     yes',
    '',
    'WHO HOLDS IT',
    '  pod                                           EPC           enclave provision',
    '  shop/hello                                    10 MiB        1       –',
    '    on sgx-a',
    '  shop/quoter                                   10 MiB        1       1',
    '    on sgx-a',
    '',
    'NOTHING IS WRONG',
  ])
})

test('MiB devices are counted in the same bytes, and their pods need no device beside them', () => {
  const view = clusterView(
    [node('old', { [MIB_EPC]: '56', [PROVISION]: '110' })],
    [pod('p', { [MIB_EPC]: '10' }, { nodeName: 'old' })],
  )
  const mib = 2n ** 20n
  deepEqual(view.nodes[0]?.epc, [
    {
      mode: 'devices',
      capacityBytes: 56n * mib,
      allocatableBytes: 56n * mib,
      allocatedBytes: 10n * mib,
      freeBytes: 46n * mib,
    },
  ])
  deepEqual(view.wrong, [])
})

test('a pod is counted as the scheduler does: init containers one after another, sidecars beside all', () => {
  const asks = (epc: string, restartPolicy?: string) => ({
    resources: { limits: { [EPC]: epc, [ENCLAVE]: '1' } },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  })
  const amount = (initContainers: readonly ClusterContainer[]) =>
    clusterView([node('a', sgx)], [pod('p', small, { nodeName: 'a', initContainers })]).holders[0]
      ?.amounts.epc.bytes
  const mib = 2n ** 20n
  equal(amount([asks('5Mi'), asks('30Mi')]), 30n * mib)
  equal(amount([asks('5Mi')]), 10n * mib)
  equal(amount([asks('5Mi', 'Always'), asks('8Mi')]), 15n * mib)
  equal(amount([asks('5Mi', 'Always'), asks('12Mi')]), 17n * mib)
})

test('a pod that waits for EPC is told who has how much free', () => {
  const nodes = [node('sgx-a', sgx), node('sgx-b', sgx)]
  const pods = [
    pod('holder', { ...small, [EPC]: '90Mi' }, { nodeName: 'sgx-a' }),
    pod('holder-2', { ...small, [EPC]: '84Mi' }, { nodeName: 'sgx-b' }),
    pod(
      'waits',
      { ...small, [EPC]: '20Mi' },
      {
        conditions: unscheduled(
          '0/2 nodes are available: 2 Insufficient sgx.intel.com/epc. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
        ),
      },
    ),
  ]
  const printed = lines(nodes, pods)
  const from = printed.indexOf('PENDING')
  deepEqual(printed.slice(from, from + 8), [
    'PENDING',
    '  shop/waits: EPC 20 MiB, enclave 1, provision –',
    '    scheduler: 0/2 nodes are available: 2 Insufficient sgx.intel.com/epc.',
    '      preemption: 0/2 nodes are available: 2 No preemption victims found for',
    '      incoming pod.',
    '    → it asks for 20 MiB, free are sgx-b 10 MiB, sgx-a 4 MiB: it waits until',
    '      pods that hold EPC end',
    '',
  ])
  deepEqual(codes(nodes, pods), [], 'waiting for others is nothing wrong')
})

for (const { name, asked, nodes, says } of [
  {
    name: 'more than any node has',
    asked: { ...small, [EPC]: '1Gi' },
    nodes: [node('sgx-a', sgx)],
    says: /it asks for 1024 MiB, more than any node has: sgx-a has 94 MiB/,
  },
  {
    name: 'what no node offers',
    asked: small,
    nodes: [node('plain', {})],
    says: /no node offers sgx\.intel\.com\/epc: is Alcove installed/,
  },
  {
    name: 'EPC under the other name',
    asked: small,
    nodes: [node('old', { [MIB_EPC]: '56' })],
    says: /old offers EPC as kubernetes\.azure\.com\/sgx_epc_mem_in_MiB, so ask for that/,
  },
  {
    name: 'ten million MiB',
    asked: { [MIB_EPC]: '10Mi' },
    nodes: [node('old', { [MIB_EPC]: '56' })],
    says: /counts MiB, so 10485760 is .*write "10" in place of 10Mi; it asks for 10485760 MiB, more/,
  },
]) {
  test(`a pod that asks for ${name} is wrong, and is told what to ask for`, () => {
    const pods = [pod('p', asked, { conditions: unscheduled('0/1 nodes are available') })]
    lines(nodes, pods)
    const [wrong] = clusterView(nodes, pods).wrong
    equal(wrong?.code, 'fits-no-node')
    match(wrong?.found ?? '', says)
  })
}

test('ten bytes of EPC are most likely ten MiB, whether the pod waits or runs', () => {
  const limits = { [EPC]: '10', [ENCLAVE]: '1' }
  const doubt = 'sgx.intel.com/epc: 10 is 10 bytes, less than a page: write 10Mi for 10 MiB'
  const waiting = clusterView([node('a', sgx)], [pod('p', limits)]).waiting[0]
  equal(waiting?.explanations[0], doubt)
  const running = clusterView([node('a', sgx)], [pod('p', limits, { nodeName: 'a' })])
  deepEqual(
    running.wrong.map(({ code, where, found }) => [code, where, found]),
    [['unit', 'shop/p', doubt]],
  )
})

test('a condition of ours that is False is wrong, its summary only where it stands alone', () => {
  const message = 'no driver made a device node; boot Linux 5.11 or later'
  const both = [
    failing('SgxCapable', 'NoDriver', `cannot serve: kernel-driver: ${message}`),
    failing('kernel-driver', 'NoDriver', message),
  ]
  const view = clusterView([node('n', {}, { conditions: both })], [])
  deepEqual(
    view.wrong.map(({ found }) => found),
    [`kernel-driver: NoDriver: ${message}`],
  )
  deepEqual(codes([node('n', {}, { conditions: both.slice(0, 1) })]), ['condition n'])
  const fine = [{ type: 'alcove.dev/SgxCapable', status: 'True', reason: 'Capable', message: '' }]
  deepEqual(codes([node('n', {}, { conditions: fine })]), [])
  const foreign = [{ type: 'MemoryPressure', status: 'False' }]
  deepEqual(codes([node('n', {}, { conditions: foreign })]), [])
})

test('what is wrong with a node’s resources, each by itself', () => {
  const of = (...args: Parameters<typeof node>): string[] => codes([node(...args)])
  deepEqual(of('n', sgx, { allocatable: { ...sgx, [EPC]: '0' } }), ['allocatable-differs n'])
  deepEqual(of('n', sgx, { allocatable: { ...sgx, [ENCLAVE]: '3' } }), ['allocatable-differs n'])
  deepEqual(of('n', { [EPC]: '10Mi' }), ['epc-without-devices n'])
  deepEqual(of('n', { [EPC]: '10Mi', [ENCLAVE]: '0' }), ['epc-without-devices n'])
  deepEqual(of('n', { [ENCLAVE]: '110' }), ['devices-without-epc n'])
  deepEqual(of('n', { ...sgx, [MIB_EPC]: '94' }), ['both-modes n'])
  deepEqual(of('n', { ...sgx, [MIB_EPC]: '0' }), [], 'a kubelet keeps what a plugin left at 0')
  deepEqual(of('n', sgx, { ready: false }), ['not-ready n'])
  deepEqual(of('n', {}, { ready: false }), [], 'nobody’s EPC is on it')
  const taint = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'
  deepEqual(of('n', sgx, { taints: [{ key: taint, effect: 'NoSchedule' }] }), ['startup-taint n'])
})

test('EPC of 0 under pods that hold some is wrong', () => {
  const nodes = [node('n', { [EPC]: '0', [ENCLAVE]: '110' })]
  const pods = [pod('p', small, { nodeName: 'n' })]
  deepEqual(codes(nodes, pods), ['over-allocated n', 'devices-without-epc n'])
  deepEqual(codes([node('n', { [ENCLAVE]: '110' })], pods).at(0), 'over-allocated n')
})

test('a pod with EPC and no device is told the line to add', () => {
  const view = clusterView([node('n', sgx)], [pod('p', { [EPC]: '10Mi' }, { nodeName: 'n' })])
  deepEqual(view.wrong, [
    {
      code: 'epc-without-enclave',
      where: 'shop/p',
      found: 'asks for EPC without the device to use it',
      remedy: 'add to the limits of the container: sgx.intel.com/enclave: 1',
    },
  ])
})

test('a pod of Alcove that is not ready is wrong, one that has ended is not', () => {
  const conditions = [{ type: 'Ready', status: 'False', message: 'containers not ready: [x]' }]
  const plugin = alcovePod('alcove-device-plugin-x', 'n', { conditions })
  const [wrong] = clusterView([node('n', sgx)], [plugin]).wrong
  equal(wrong?.found, 'is not ready (Running on n: containers not ready: [x])')
  equal(wrong?.remedy, 'kubectl logs -n alcove-system alcove-device-plugin-x')
  deepEqual(codes([node('n', sgx)], [alcovePod('sweep', 'n', { phase: 'Succeeded' })]), [])
})

test('a simulated node is called so in the first line', () => {
  const env = [{ name: 'DEVICE_PLUGIN_PLATFORM', value: 'simulated' }]
  const pods = [alcovePod('alcove-device-plugin-x', 'n', { env })]
  const [first, second] = lines([node('n', sgx), node('m', sgx)], pods)
  equal(first, 'SIMULATED SGX in this cluster: 2 nodes, 2 with EPC')
  equal(second, '  No real hardware is offered by n.')
  deepEqual(clusterView([node('n', sgx)], [pod('mine', {}, { nodeName: 'n', env })]).simulated, [])
})

test('512 GiB, long names and odd amounts stay within 80 columns', () => {
  const long = `aks-confcom-12345678-vmss000000.${'x'.repeat(63)}.${'y'.repeat(63)}.example`
  const capacity = { [EPC]: '549755813888', [ENCLAVE]: '110', [PROVISION]: '110' }
  const limits = { [EPC]: '104857601', [ENCLAVE]: '16', [PROVISION]: '16', [MIB_EPC]: '1024' }
  const name = `${'p'.repeat(63)}.${'q'.repeat(63)}`
  const conditions = [failing('epc', 'NoEpc', `${'word'.repeat(100)} end`)]
  const printed = lines(
    [node(long, capacity, { conditions, allocatable: { ...capacity, [EPC]: '1.5Gi' } })],
    [
      pod(name, limits, { nodeName: long }),
      pod(name, limits, { conditions: unscheduled('z'.repeat(300)) }),
    ],
  )
  ok(printed.some(line => line.includes('524288 MiB')))
})

test('as data: the same, in bytes', () => {
  const data: unknown = JSON.parse(
    clusterJson(
      clusterView([node('a', sgx)], [pod('p', small, { nodeName: 'a' }), pod('w', small)]),
    ),
  )
  const amounts = { epcBytes: { bytes: 10485760, devices: 0 }, enclave: 1, provision: 0 }
  deepEqual(data, {
    simulated: [],
    nodes: [
      {
        name: 'a',
        ready: true,
        epc: [
          {
            mode: 'bytes',
            capacityBytes: 98566144,
            allocatableBytes: 98566144,
            allocatedBytes: 10485760,
            freeBytes: 88080384,
          },
        ],
        holders: 1,
        enclave: { capacity: 110, allocatable: 110 },
        provision: { capacity: 110, allocatable: 110 },
      },
    ],
    holders: [{ namespace: 'shop', name: 'p', node: 'a', ...amounts }],
    waiting: [
      {
        namespace: 'shop',
        name: 'w',
        node: null,
        ...amounts,
        scheduler: null,
        explanations: ['it asks for 10 MiB, free are a 84 MiB: EPC is not all that it waits for'],
        fitsNoNode: false,
      },
    ],
    wrong: [],
    conclusion: 'NOTHING IS WRONG',
  })
})

test('the guide shows what the commands print', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../../docs/guides/doctor.md'), 'utf8')
  const driver =
    'Linux 5.4.0-1109-azure has no SGX driver of its own, and no other made a device node; install Intel’s DCAP driver, or boot Linux 5.11 or later'
  const without = node(
    'aks-confcom-2',
    {},
    {
      conditions: [
        failing('SgxCapable', 'NoDriver', `cannot serve: kernel-driver: ${driver}`),
        failing('kernel-driver', 'NoDriver', driver),
      ],
      taints: [{ key: 'startup-taint.cluster-autoscaler.kubernetes.io/sgx', effect: 'NoSchedule' }],
    },
  )
  const scheduler =
    '0/2 nodes are available: 1 Insufficient sgx.intel.com/epc, 1 node(s) had untolerated taint(s).'
  const pods = [
    pod('hello', { ...small, [EPC]: '90Mi' }, { nodeName: 'aks-confcom-1' }),
    pod('waits', { ...small, [EPC]: '20Mi' }, { conditions: unscheduled(scheduler) }),
  ]
  const event = {
    metadata: {},
    type: 'Warning',
    reason: 'NoDriver',
    message: driver,
    source: { component: 'alcove-discovery' },
    lastTimestamp: '2026-11-25T10:00:00Z',
  }
  const shown = (command: string, printed: readonly string[]): void => {
    const block = ['```console', `$ alcove ${command}; echo "exit code $?"`, ...printed]
    ok(guide.includes(`${block.join('\n')}\nexit code 3\n\`\`\``), command)
  }
  shown('status --cluster', lines([node('aks-confcom-1', sgx), without], pods))
  shown('doctor --node aks-confcom-2', nodeLines(nodeDiagnosis(without, [], [event])))
})
