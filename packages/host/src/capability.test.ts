import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import type { CpuidResult } from '@alcove/sgx'
import { auxv, type FakeNode, fakeHost, noRegisters } from '../testing/fake-host.ts'
import { type Condition, type ConditionName, capability, firstUnmet, readNode } from './index.ts'

const cpuidPath = '/dev/cpu/0/cpuid'
const sgxLeaf: CpuidResult = { ...noRegisters, ebx: 5, ecx: 0x4000_0000 }
const section: CpuidResult = { eax: 0xc020_0001, ebx: 0, ecx: 0x0400_0001, edx: 0 }
const kernelFiles = {
  '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: sgx sgx_lc fsgsbase\n',
  '/proc/sys/kernel/osrelease': '6.8.0\n',
  '/proc/self/auxv': auxv([26n, 2n]),
  '/proc/self/mountinfo': '22 21 0:5 / /dev rw - devtmpfs udev rw\n',
}
const devices = ['/dev/sgx_enclave', '/dev/sgx_provision']
/** A node that can serve. */
const good = {
  files: kernelFiles,
  devices,
  cpuid: { '0x7.0': sgxLeaf, '0x12.0': { ...noRegisters, eax: 1 }, '0x12.2': section },
} satisfies FakeNode

const plain = {
  ...kernelFiles,
  '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: fsgsbase\n',
}
const guest = { ...plain, '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: hypervisor\n' }
const amd = { ...plain, '/proc/cpuinfo': 'vendor_id\t: AuthenticAMD\nflags\t\t: fsgsbase\n' }
const withoutSgx = { ...good, cpuid: { '0x7.0': { ...noRegisters, ebx: 1 } }, devices: [] }
const bare = { ...good, devices: [], files: plain }

const cases: readonly (readonly [
  what: string,
  node: FakeNode,
  begin: ConditionName | undefined,
  says: RegExp,
])[] = [
  ['a node that can serve', good, undefined, /^$/],
  ['an Intel CPU without SGX', { ...withoutSgx, files: plain }, 'cpu-sgx', /firmware.*cannot tell/],
  ['a guest without SGX', { ...withoutSgx, files: guest }, 'cpu-sgx', /hypervisor.*cannot tell/],
  ['an AMD CPU', { ...withoutSgx, files: amd }, 'cpu-sgx', /AuthenticAMD CPUs have no SGX/],
  [
    'an AMD CPU, and CPUID not permitted',
    { ...withoutSgx, files: amd, forbidden: [cpuidPath] },
    'cpu-sgx',
    /AuthenticAMD CPUs have no SGX/,
  ],
  [
    'no sgx flag, and CPUID not permitted',
    { ...withoutSgx, files: plain, forbidden: [cpuidPath] },
    'cpu-sgx',
    /cpuinfo cannot tell these apart.*run as root/,
  ],
  [
    'no launch control',
    { ...bare, cpuid: { ...good.cpuid, '0x7.0': { ...sgxLeaf, ecx: 0 } } },
    'cpu-launch-control',
    /FLC/,
  ],
  [
    'SGX in CPUID, and no EPC',
    { ...bare, cpuid: { '0x7.0': sgxLeaf, '0x12.0': noRegisters, '0x12.2': noRegisters } },
    'firmware',
    /took `sgx` out of the flags.*enable SGX in the firmware/,
  ],
  [
    'Linux 5.4, EPC, and no device',
    { ...bare, files: { ...plain, '/proc/sys/kernel/osrelease': '5.4.0-1109-azure\n' } },
    'kernel-driver',
    /Linux 5\.4\.0-1109-azure has no SGX driver.*DCAP driver/,
  ],
  [
    'Linux 6.8 built without SGX',
    { ...bare, files: { ...plain, '/boot/config-6.8.0': '# CONFIG_X86_SGX is not set\n' } },
    'kernel-driver',
    /built without.*CONFIG_X86_SGX=y/,
  ],
  [
    'Linux 6.8 booted with nosgx',
    { ...bare, files: { ...plain, '/proc/cmdline': 'ro nosgx\n' } },
    'kernel-driver',
    /booted with `nosgx`/,
  ],
  [
    'the legacy driver',
    { ...bare, devices: ['/dev/isgx'] },
    'kernel-driver',
    /no flexible launch control: no DCAP quotes/,
  ],
  [
    'everything but a device',
    { ...bare, files: { ...kernelFiles, '/boot/config-6.8.0': 'CONFIG_X86_SGX=y\n' } },
    'enclave-device',
    /dmesg.*mount the node’s \/dev/,
  ],
  ['no provision device', { ...good, devices: ['/dev/sgx_enclave'] }, 'provision-device', /quote/],
  [
    'a kernel that keeps FSGSBASE to itself',
    { ...good, files: { ...kernelFiles, '/proc/self/auxv': auxv([26n, 0n]) } },
    'fsgsbase',
    /Linux 5\.9/,
  ],
  [
    'a CPU without FSGSBASE',
    {
      ...good,
      files: { ...kernelFiles, '/proc/self/auxv': auxv([26n, 0n]) },
      cpuid: { ...good.cpuid, '0x7.0': { ...sgxLeaf, ebx: 4 } },
    },
    'fsgsbase',
    /not in the CPU, or hidden by the hypervisor/,
  ],
  [
    '/dev mounted noexec',
    {
      ...good,
      files: { ...kernelFiles, '/proc/self/mountinfo': '22 21 0:5 / /dev noexec - x x rw\n' },
    },
    'dev-exec',
    /mount -o remount,exec \/dev/,
  ],
  [
    'EPC that may not be counted',
    { ...good, forbidden: [cpuidPath] },
    'epc',
    /not permitted to this user.*run as root/,
  ],
  ['nothing at all', {}, 'enclave-device', /mount the node/],
]

const said = (condition: Condition | undefined) =>
  condition === undefined || condition.met === true ? '' : `${condition.found}; ${condition.remedy}`

for (const [what, node, begin, says] of cases) {
  test(`${what}: ${begin === undefined ? 'capable' : `begin with ${begin}`}`, async () => {
    const found = capability(await readNode(fakeHost(node)))
    equal(found.capable, begin === undefined)
    equal(firstUnmet(found)?.name, begin)
    match(said(firstUnmet(found)), says)
  })
}

test('what follows from an earlier condition refers to it in place of a remedy of its own', async () => {
  const { conditions } = capability(await readNode(fakeHost({ ...withoutSgx, files: amd })))
  deepEqual(
    conditions.flatMap(one => (one.met === true ? [] : [[one.name, one.remedy]])),
    [
      ['cpu-sgx', 'use a machine with an Intel CPU'],
      ['cpu-launch-control', 'first see cpu-sgx'],
      ['firmware', 'first see cpu-sgx'],
      ['kernel-driver', 'see whether it is built with CONFIG_X86_SGX=y'],
      ['enclave-device', 'first see cpu-sgx'],
      ['provision-device', 'first see cpu-sgx'],
      ['epc', 'first see cpu-sgx'],
    ],
  )
})

const drivers: readonly (readonly [
  devices: readonly string[],
  release: string,
  version: string | undefined,
  found: string,
])[] = [
  [devices, '6.8.0', undefined, 'Linux 6.8.0, in-kernel driver'],
  [devices, '5.4.0', undefined, 'Linux 5.4.0, DCAP driver 1.41'],
  [devices, '5.15.0', '1.41', 'Linux 5.15.0, DCAP driver 1.41'],
  [['/dev/sgx/enclave'], '5.4.0', '1.33.2', 'Linux 5.4.0, DCAP driver 1.30 to 1.36'],
  [['/dev/sgx'], '5.4.0', undefined, 'Linux 5.4.0, DCAP driver 1.22'],
]

for (const [paths, release, version, found] of drivers) {
  test(`${paths[0]} on Linux ${release}, module ${version ?? 'absent'}: ${found}`, async () => {
    const files = {
      ...kernelFiles,
      '/proc/sys/kernel/osrelease': `${release}\n`,
      ...(version && { '/sys/module/intel_sgx/version': `${version}\n` }),
    }
    const { conditions } = capability(await readNode(fakeHost({ ...good, devices: paths, files })))
    equal(conditions.find(({ name }) => name === 'kernel-driver')?.found, found)
  })
}

for (const [mib, bytes, holds] of [
  [0, 0, true],
  [196_608, 3_490_956, true],
  [235_682, 4_194_288, true],
  [235_683, 4_194_306, false],
  [262_144, 4_670_604, false],
] as const) {
  test(`${mib} MiB of EPC ${holds ? 'fit' : 'do not fit'} into the kubelet’s message, one device each`, async () => {
    const sysfs = {
      ...kernelFiles,
      '/sys/devices/system/node/online': '0\n',
      '/sys/devices/system/node/node0/x86/sgx_total_bytes': `${mib * 2 ** 20}\n`,
    }
    const found = capability(await readNode(fakeHost({ ...good, files: sysfs })))
    const one = found.conditions.find(({ name }) => name === 'list-size')
    equal(one?.met, holds)
    match(one?.found ?? '', new RegExp(`^${mib} devices, .* message of ${bytes} bytes`))
    if (!holds) match(said(one), /receives 4194304 at most; use .* at most 235682 MiB of EPC$/)
  })
}

test('every condition says where it was read', async () => {
  for (const node of [good, withoutSgx, bare, {}]) {
    const { conditions } = capability(await readNode(fakeHost(node)))
    equal(conditions.length, 10)
    for (const { source, name } of conditions) match(source, /\/|CPUID/, name)
  }
})
