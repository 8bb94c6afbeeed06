import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Capability,
  type ConditionName,
  capability,
  firstUnmet,
  readNode,
  readSgx,
  simulatedHost,
} from '@alcove/host'
import {
  nodeSizes,
  type SimulatedFault,
  type SimulatedOs,
  simulatedFaults,
  writeSimulatedRoot,
} from './index.ts'

const MIB = 2 ** 20

/** What each fault leaves unmet, in order, and where to begin; `5.4` marks what holds on the older system only. */
const expected: Readonly<
  Record<SimulatedFault | 'none', readonly (ConditionName | `${ConditionName}?` | '5.4')[]>
> = {
  none: [],
  'no-sgx': [
    ...(['cpu-sgx', 'cpu-launch-control', 'firmware?', '5.4'] as const),
    ...(['enclave-device', 'provision-device', 'epc'] as const),
  ],
  'no-launch-control': ['cpu-launch-control', '5.4', 'enclave-device', 'provision-device'],
  'no-epc': ['firmware', '5.4', 'enclave-device', 'provision-device', 'epc'],
  'no-driver': ['kernel-driver', 'enclave-device', 'provision-device'],
  'legacy-driver': ['kernel-driver', 'provision-device'],
  'no-provision': ['provision-device'],
  'no-fsgsbase': ['fsgsbase'],
  noexec: ['dev-exec'],
}

const systems: readonly SimulatedOs[] = ['in-kernel', 'dcap-1.33']

/** 256 GiB are more devices than the kubelet can be told of. */
const mostListedMib = 196_608

function wantedOf({ fault, os, epcMib }: (typeof variants)[number]): string[] {
  const wanted = expected[fault].flatMap(name => {
    if (name !== '5.4') return [name]
    return os === 'dcap-1.33' ? ['kernel-driver'] : []
  })
  return hasEpc(fault) && epcMib > mostListedMib ? [...wanted, 'list-size'] : wanted
}

function hasEpc(fault: SimulatedFault | 'none'): boolean {
  return fault !== 'no-sgx' && fault !== 'no-epc'
}

/** `firmware?` is one of which nothing is known. */
function unmetOf({ conditions }: Capability): string[] {
  return conditions.flatMap(({ name, met }) => {
    if (met === true) return []
    return [met === 'unknown' ? `${name}?` : name]
  })
}

const variants = (['none', ...simulatedFaults] as const).flatMap(fault =>
  systems.flatMap(os =>
    nodeSizes.flatMap(({ name: size, epcMib }) =>
      (fault === 'none' ? ([1, 2] as const) : ([1] as const)).map(numaNodes => ({
        fault,
        os,
        size,
        epcMib,
        numaNodes,
      })),
    ),
  ),
)

async function toldApart(root: string, variant: (typeof variants)[number]): Promise<void> {
  const { fault, os, size, epcMib, numaNodes } = variant
  const what = `${size} ${os} ${numaNodes} ${fault}`
  const tokens = { enclaveToken: 'e', provisionToken: 'p' }
  const faults = fault === 'none' ? {} : { fault }
  await writeSimulatedRoot(root, { size, os, numaNodes, ...tokens, ...faults })
  const facts = await readNode(await simulatedHost(root))
  const found = capability(facts)
  const wanted = wantedOf(variant)
  deepEqual(unmetOf(found), wanted, what)
  equal(found.capable, wanted.length === 0, what)
  equal(firstUnmet(found)?.name, wanted[0], what)
  equal(facts.epc.value?.bytes, hasEpc(fault) ? epcMib * MIB : 0, what)
}

test('every size, system, NUMA layout and fault is told apart by its conditions', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'alcove-variants-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const left = variants.entries()
  const worker = async (): Promise<void> => {
    for (const [index, variant] of left) await toldApart(join(parent, `${index}`), variant)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  t.diagnostic(`simulated nodes told apart: ${variants.length}`)
  equal(variants.length, 20 * 2 * (9 + 1))
})

const nodes = (facts: readonly { path: string; mode: number }[]) =>
  facts.map(({ path, mode }) => `${path} ${mode.toString(8)}`)

const layouts: readonly (readonly [
  os: SimulatedOs,
  fault: SimulatedFault | undefined,
  devices: readonly string[],
])[] = [
  ['in-kernel', undefined, ['/dev/sgx_enclave 660', '/dev/sgx_provision 660']],
  ['dcap-1.33', undefined, ['/dev/sgx/enclave 666', '/dev/sgx/provision 660']],
  ['in-kernel', 'no-provision', ['/dev/sgx_enclave 660']],
  ['dcap-1.33', 'legacy-driver', ['/dev/isgx 666']],
  ['in-kernel', 'legacy-driver', ['/dev/isgx 666']],
  ['in-kernel', 'no-driver', []],
  ['dcap-1.33', 'no-epc', []],
]

for (const [os, fault, devices] of layouts) {
  test(`${os}, ${fault ?? 'no fault'}: device nodes are ${devices.join(', ') || 'absent'}`, async t => {
    const parent = await mkdtemp(join(tmpdir(), 'alcove-variants-'))
    t.after(() => rm(parent, { recursive: true, force: true }))
    const root = join(parent, 'root')
    await writeSimulatedRoot(root, {
      size: 'DC4s_v3',
      os,
      enclaveToken: 'e',
      provisionToken: 'p',
      ...(fault && { fault }),
    })
    const host = await simulatedHost(root)
    const facts = await readNode(host)
    deepEqual(nodes(facts.deviceNodes), devices)
    equal((await readSgx(host)).enclaveDevice?.path, facts.enclaveDevice.value?.path)
  })
}

test('two NUMA nodes have half of the EPC each, in sysfs and in CPUID', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'alcove-variants-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const tokens = { enclaveToken: 'e', provisionToken: 'p' }
  const roots = { sysfs: join(parent, 'sysfs'), cpuid: join(parent, 'cpuid') }
  const size = 'Standard_DC48s_v3'
  await writeSimulatedRoot(roots.sysfs, { size, os: 'in-kernel', numaNodes: 2, ...tokens })
  await writeSimulatedRoot(roots.cpuid, { size, os: 'dcap-1.33', numaNodes: 2, ...tokens })
  const counted = (await readNode(await simulatedHost(roots.sysfs))).epc
  deepEqual(
    counted.value?.nodes.map(({ node, bytes }) => [node, bytes / MIB]),
    [
      [0, 131_072],
      [1, 131_072],
    ],
  )
  const listed = (await readNode(await simulatedHost(roots.cpuid))).epc
  equal(listed.value?.bytes, counted.value?.bytes)
  ok(listed.source.startsWith('CPUID'))
})
