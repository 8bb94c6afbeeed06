import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EPC_RESOURCE, epcDevices } from '@alcove/device-plugin'
import { SIMULATED_NODE_MARKER } from '@alcove/host'
import { servePlugin } from '@alcove/kubelet'
import {
  nodeSizes,
  type SimulatedRootOptions,
  simulatedFaults,
  writeSimulatedRoot,
} from '@alcove/simulator'
import { exitCodeOf } from '../exit.ts'
import { projectRoot } from '../program-root.ts'
import { type DoctorOptions, doctorCommand } from './doctor.ts'

const directory = await mkdtemp(join(tmpdir(), 'alcove-doctor-'))
after(() => rm(directory, { recursive: true }))
let roots = 0

type Kind = Omit<SimulatedRootOptions, 'enclaveToken' | 'provisionToken'>

async function simulated(kind: Kind): Promise<string> {
  const root = join(directory, `${roots++}`)
  await writeSimulatedRoot(root, { ...kind, enclaveToken: 'secret-e', provisionToken: 'secret-p' })
  return root
}

async function doctor(options: Partial<DoctorOptions>): Promise<{ code: number; text: string }> {
  const printed: string[] = []
  const print = (text: string): void => void printed.push(text)
  const code = await doctorCommand({ output: 'text', ...options }, { print, environment: {} })
  return { code, text: printed.join('\n') }
}

const guide = await readFile(join(projectRoot, 'docs/guides/doctor.md'), 'utf8')
const transcripts = Array.from(
  guide.matchAll(/^### .*`(.+)`\n[^`]*^```console\n\$ (.+)\n([\s\S]*?)^```$/gm),
  ([, kind = '', command = '', output = '']) => ({ kind, command, output }),
)

/** `size=DC2s_v2 os=in-kernel numaNodes=2 fault=no-epc` */
function kindOf(heading: string): Kind {
  const {
    size = '',
    os,
    numaNodes,
    fault,
  } = Object.fromEntries(heading.split(' ').map(word => word.split('='))) as Record<
    string,
    string | undefined
  >
  const known = simulatedFaults.find(one => one === fault)
  equal(known, fault, 'a fault of the heading is one that can be written')
  return {
    size,
    os: os === 'dcap-1.33' ? os : 'in-kernel',
    numaNodes: numaNodes === '2' ? 2 : 1,
    ...(known && { fault: known }),
  }
}

test('the guide has a transcript of four simulated nodes', () => equal(transcripts.length, 4))

for (const { kind, command, output } of transcripts) {
  test(`the guide's transcript of ${kind} is what doctor prints`, async () => {
    equal(command, 'alcove doctor --simulated-root node; echo "exit code $?"')
    const { code, text } = await doctor({ simulatedRoot: await simulated(kindOf(kind)) })
    equal(`${text}\nexit code ${code}\n`, output)
  })
}

test('the guide’s transcripts fit into 80 columns', () => {
  for (const [, block = ''] of guide.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    for (const line of block.split('\n')) ok(line.length <= 80, line)
  }
})

for (const os of ['in-kernel', 'dcap-1.33'] as const) {
  for (const fault of simulatedFaults) {
    test(`${os} with ${fault}: not capable, in 80 columns, and no word of a token`, async () => {
      const root = await simulated({ size: 'Standard_DC48s_v3', os, fault })
      const { code, text } = await doctor({ simulatedRoot: root })
      equal(code, 3)
      match(text, /^#+\n## SIMULATED NODE: DC48s_v3/)
      match(text, /\nNOT CAPABLE: this simulated node cannot serve; begin with [\w-]+$/)
      ok(!text.includes('secret'))
      for (const line of text.split('\n')) ok(line.length <= 80, line)
    })
  }
}

test('JSON has the same fields for a node that can serve, one that cannot, and this machine', async () => {
  const json = async (options: Partial<DoctorOptions>) => {
    const { code, text } = await doctor({ ...options, output: 'json' })
    const data = JSON.parse(text)
    equal(code === 0, data.capable)
    return data
  }
  const good = await json({ simulatedRoot: await simulated({ size: 'DC2s_v2', os: 'in-kernel' }) })
  const bad = await json({
    simulatedRoot: await simulated({ size: 'DC2s_v2', os: 'in-kernel', fault: 'no-sgx' }),
  })
  const real = await json({})
  equal(good.capable, true)
  equal(bad.capable, false)
  deepEqual(good.simulatedNode, { size: 'DC2s_v2', os: 'in-kernel' })
  deepEqual([real.simulated, real.simulatedNode], [false, null])
  for (const other of [bad, real]) {
    deepEqual(Object.keys(other), Object.keys(good))
    deepEqual(Object.keys(other.facts), Object.keys(good.facts))
    for (const [index, condition] of other.conditions.entries()) {
      deepEqual(Object.keys(condition).sort(), Object.keys(good.conditions[index]).sort())
      equal(condition.name, good.conditions[index].name)
    }
  }
  deepEqual(good.facts.epc, {
    value: {
      bytes: 56 * 2 ** 20,
      source: 'sysfs',
      nodes: [
        {
          node: 0,
          bytes: 56 * 2 ** 20,
          path: '/sys/devices/system/node/node0/x86/sgx_total_bytes',
        },
      ],
    },
    source: '/sys/devices/system/node/node0/x86/sgx_total_bytes',
  })
})

for (const { name: size, epcMib } of nodeSizes) {
  test(`${size}: doctor says of ${epcMib} devices what the device plugin does with them`, async t => {
    const simulatedRoot = await simulated({ size, os: 'in-kernel' })
    const { capable, conditions } = JSON.parse(
      (await doctor({ simulatedRoot, output: 'json' })).text,
    )
    const { met, found } = conditions.find((one: { name: string }) => one.name === 'list-size')
    equal(met, capable)
    const told = /message of (\d+) bytes/.exec(found)?.[1]
    const sockets = await mkdtemp(join(tmpdir(), 'alcove-'))
    t.after(() => rm(sockets, { recursive: true }))
    const devices = epcDevices({ bytes: epcMib * 2 ** 20, source: 'sysfs', nodes: [] })
    const plugin = {
      resourceName: EPC_RESOURCE,
      devices: () => devices,
      allocate: () => Promise.reject(new Error('not asked')),
    }
    const serving = servePlugin({ plugin, directory: sockets, endpoint: 'alcove-epc' })
    if (met) await (await serving)[Symbol.asyncDispose]()
    else await rejects(serving, { code: 'ERR_KUBELET_LIST_TOO_LARGE', bytes: Number(told) })
  })
}

test('of this machine it says nothing of simulated, and comes to a conclusion', async () => {
  const { code, text } = await doctor({})
  ok(!/simulated/i.test(text))
  match(text, code === 0 ? /\nCAPABLE: / : /\n(NOT CAPABLE|CANNOT TELL)/)
})

test('of a mounted root where nothing is there, CPUID is known and the rest is left open', async () => {
  const root = join(directory, 'empty')
  await mkdir(root)
  const { code, text } = await doctor({ hostRoot: root })
  equal(code, 3)
  // this machine is the node: its kernel says what the root does not
  match(text, / [✓✗?] fsgsbase +(?!no such file)/)
  match(text, / \? (epc|dev-exec) +no such file\n/)
  const asked = /SGX +(yes|no) +CPUID leaf 0x7 EBX bit 2, executed\n/.test(text)
  equal(asked, process.arch === 'x64')
})

const refused: readonly (readonly [
  what: string,
  options: () => Promise<Partial<DoctorOptions>>,
  code: string,
  exit: number,
])[] = [
  ['both roots', async () => ({ simulatedRoot: '/x', hostRoot: '/y' }), 'ERR_USAGE', 2],
  [
    'a root that is not there',
    async () => ({ hostRoot: join(directory, 'gone') }),
    'ERR_HOST_READ',
    1,
  ],
  ['an empty simulated root', async () => ({ simulatedRoot: '' }), 'ERR_USAGE', 2],
  ['an empty root', async () => ({ hostRoot: '' }), 'ERR_USAGE', 2],
  [
    'a simulated root that is a file',
    async () => ({ simulatedRoot: '/etc/passwd' }),
    'ERR_HOST_READ',
    1,
  ],
  [
    'a simulated root that is not there',
    async () => ({ simulatedRoot: join(directory, 'gone') }),
    'ERR_HOST_READ',
    1,
  ],
  ['a root that is a file', async () => ({ hostRoot: '/proc/version' }), 'ERR_HOST_READ', 1],
  [
    'a simulated root without its marker',
    async () => ({ simulatedRoot: directory }),
    'ERR_HOST_NOT_SIMULATED',
    1,
  ],
  [
    'a malformed marker',
    async () => {
      const simulatedRoot = await simulated({ size: 'DC2s_v2', os: 'in-kernel' })
      await writeFile(join(simulatedRoot, SIMULATED_NODE_MARKER), '{}')
      return { simulatedRoot }
    },
    'ERR_HOST_MARKER',
    1,
  ],
]

for (const [what, options, code, exit] of refused) {
  test(`${what}: ${code}, exit code ${exit}`, async () => {
    const running = doctor(await options())
    await rejects(running, { code })
    equal(exitCodeOf(await running.catch((error: unknown) => error)), exit)
  })
}
