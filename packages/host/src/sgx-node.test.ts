import { deepEqual, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { CpuidResult } from '@alcove/sgx'
import { cpuidKey, type Host, readSgx, type SgxNode } from './index.ts'

const MIB = 2 ** 20
const online = '/sys/devices/system/node/online'
const epcFile = (node: number) => `/sys/devices/system/node/node${node}/x86/sgx_total_bytes`

interface Fake {
  files?: Readonly<Record<string, string>>
  devices?: readonly string[]
  cpuid?: Readonly<Record<string, CpuidResult>>
}

function host({ files = {}, devices = [], cpuid = {} }: Fake): Host {
  const encoder = new TextEncoder()
  return {
    read: async path => (path in files ? encoder.encode(files[path]) : undefined),
    isCharDevice: async path => devices.includes(path),
    access: async path => (devices.includes(path) ? { gid: 0, mode: 0o666 } : undefined),
    cpuid: async (leaf, subleaf) => cpuid[cpuidKey(leaf, subleaf)],
  }
}

const flat = ['/dev/sgx_enclave', '/dev/sgx_provision']
const section = (mib: number, base = 0xc0200000): CpuidResult => ({
  eax: base + 1,
  ebx: 0,
  ecx: mib * MIB + 1,
  edx: 0,
})
const none: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
const sgxCpu = { '0x7.0': { ...none, ebx: 0x4 } }
const noEpc = { bytes: 0, source: 'none', nodes: [] } as const
const sysfs = (...mib: number[]): SgxNode['epc'] => ({
  bytes: mib.reduce((total, one) => total + one, 0) * MIB,
  source: 'sysfs',
  nodes: mib.map((one, node) => ({ node, bytes: one * MIB, path: epcFile(node) })),
})

const drivers: readonly (readonly [devices: readonly string[], found: Omit<SgxNode, 'epc'>])[] = [
  [[], {}],
  [['/dev/sgx_provision', '/dev/sgx/provision', '/dev/sgx_prv'], {}],
  [
    flat,
    {
      enclaveDevice: { path: '/dev/sgx_enclave', driver: 'in-kernel' },
      provisionDevice: { path: '/dev/sgx_provision', driver: 'in-kernel' },
    },
  ],
  [
    ['/dev/sgx/enclave', '/dev/sgx/provision'],
    {
      enclaveDevice: { path: '/dev/sgx/enclave', driver: 'dcap-1.33' },
      provisionDevice: { path: '/dev/sgx/provision', driver: 'dcap-1.33' },
    },
  ],
  [
    ['/dev/sgx', '/dev/sgx_prv'],
    {
      enclaveDevice: { path: '/dev/sgx', driver: 'dcap-1.22' },
      provisionDevice: { path: '/dev/sgx_prv', driver: 'dcap-1.22' },
    },
  ],
  [['/dev/isgx'], { enclaveDevice: { path: '/dev/isgx', driver: 'legacy' } }],
  [['/dev/sgx_enclave'], { enclaveDevice: { path: '/dev/sgx_enclave', driver: 'in-kernel' } }],
  [
    ['/dev/sgx_enclave', '/dev/sgx/enclave', '/dev/sgx/provision', '/dev/isgx'],
    { enclaveDevice: { path: '/dev/sgx_enclave', driver: 'in-kernel' } },
  ],
]

for (const [devices, found] of drivers) {
  const names = devices.join(', ') || 'no device'
  test(`${names}: the enclave device is ${found.enclaveDevice?.path ?? 'absent'}`, async () => {
    deepEqual(await readSgx(host({ devices })), { ...found, epc: noEpc })
  })
}

const epcs: readonly (readonly [what: string, fake: Fake, epc: SgxNode['epc']])[] = [
  [
    'sysfs counts one node',
    { files: { [online]: '0\n', [epcFile(0)]: `${56 * MIB}\n` } },
    sysfs(56),
  ],
  [
    'sysfs counts two nodes',
    { files: { [online]: '0-1\n', [epcFile(0)]: `${64 * MIB}\n`, [epcFile(1)]: `${32 * MIB}\n` } },
    sysfs(64, 32),
  ],
  [
    'nodes are numbered with gaps, and one has no EPC file',
    {
      files: {
        [online]: '0,2-3,7\n',
        [epcFile(0)]: '4096\n',
        [epcFile(3)]: '8192\n',
        [epcFile(7)]: '0\n',
      },
    },
    {
      bytes: 12288,
      source: 'sysfs',
      nodes: [
        { node: 0, bytes: 4096, path: epcFile(0) },
        { node: 3, bytes: 8192, path: epcFile(3) },
        { node: 7, bytes: 0, path: epcFile(7) },
      ],
    },
  ],
  [
    'sysfs outranks CPUID',
    {
      files: { [online]: '0\n', [epcFile(0)]: `${56 * MIB}\n` },
      devices: flat,
      cpuid: { ...sgxCpu, '0x12.2': section(26) },
    },
    sysfs(56),
  ],
  [
    'CPUID lists two sections, then none',
    {
      files: { [online]: '0\n' },
      devices: flat,
      cpuid: {
        ...sgxCpu,
        '0x12.2': section(26),
        '0x12.3': section(2),
        '0x12.4': none,
        '0x12.5': section(9),
      },
    },
    { bytes: 28 * MIB, source: 'cpuid', nodes: [] },
  ],
  [
    'a CPU that names section after section is believed for eight',
    {
      devices: flat,
      cpuid: {
        ...sgxCpu,
        ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`0x12.${n}`, section(1)])),
      },
    },
    { bytes: 8 * MIB, source: 'cpuid', nodes: [] },
  ],
  [
    'a CPU without SGX is not asked for sections',
    { devices: flat, cpuid: { '0x7.0': none, '0x12.2': section(26) } },
    noEpc,
  ],
  ['SGX is disabled: no section', { devices: flat, cpuid: { ...sgxCpu, '0x12.2': none } }, noEpc],
  ['nothing says', { devices: flat }, noEpc],
]

for (const [what, fake, epc] of epcs) {
  test(`EPC where ${what}`, async () => deepEqual((await readSgx(host(fake))).epc, epc))
}

test('without a driver, CPUID is not asked', async () => {
  const asking: Host = { ...host({}), cpuid: () => Promise.reject(new Error('asked')) }
  deepEqual(await readSgx(asking), { epc: noEpc })
})

const malformed: readonly (readonly [path: string, text: string])[] = [
  ...['', '-1', '1.5', '0x10', '12 34', '1e9', '9'.repeat(16)].map(
    text => [epcFile(0), text] as const,
  ),
  ...['', 'a', '1-0', '0,', '0--1', '0-1024', '0-99999'].map(text => [online, text] as const),
]

for (const [path, text] of malformed) {
  test(`${path} with '${text}' is an error that names it`, async () => {
    const files = { [online]: '0\n', [epcFile(0)]: '4096\n', [path]: `${text}\n` }
    await rejects(readSgx(host({ files })), { code: 'ERR_HOST_SYSFS', path })
  })
}
