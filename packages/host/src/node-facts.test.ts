import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { auxv, type FakeNode, fakeHost, noRegisters } from '../testing/fake-host.ts'
import { readHwcap2 } from './auxiliary-vector.ts'
import { HostError, mountedHost, type NodeFacts, readNode } from './index.ts'

const read = (node: FakeNode) => readNode(fakeHost(node))
const cpuidPath = '/dev/cpu/0/cpuid'
const flags = (...names: readonly string[]) => ({
  '/proc/cpuinfo': `vendor_id\t: GenuineIntel\nmodel name\t: X\nflags\t\t: fpu ${names.join(' ')} vme\n`,
})
const release = (text: string) => ({ '/proc/sys/kernel/osrelease': `${text}\n` })
const config = (line: string) => ({ '/boot/config-5.15.0-1': `CONFIG_A=y\n${line}\nCONFIG_B=m\n` })
const flat = ['/dev/sgx_enclave', '/dev/sgx_provision']
const at = (text: string) => ({ '/proc/self/mountinfo': text })

const cases: readonly (readonly [
  what: string,
  node: FakeNode,
  pick: (facts: NodeFacts) => unknown,
  fact: unknown,
])[] = [
  [
    'SGX by CPUID leaf 7 EBX bit 2',
    { cpuid: { '0x7.0': { ...noRegisters, ebx: 4 } } },
    facts => facts.cpu.sgx,
    { value: true, source: 'CPUID leaf 0x7 EBX bit 2' },
  ],
  [
    'launch control by CPUID leaf 7 ECX bit 30',
    { cpuid: { '0x7.0': { ...noRegisters, ecx: 0x4000_0000 } } },
    facts => facts.cpu.launchControl,
    { value: true, source: 'CPUID leaf 0x7 ECX bit 30' },
  ],
  [
    'SGX2 by CPUID leaf 0x12 EAX bit 1',
    { cpuid: { '0x7.0': { ...noRegisters, ebx: 4 }, '0x12.0': { ...noRegisters, eax: 3 } } },
    facts => facts.cpu.sgx2,
    { value: true, source: 'CPUID leaf 0x12.0 EAX bit 1' },
  ],
  [
    'leaf 0x12 is not asked of a CPU without SGX, whatever it would answer',
    { cpuid: { '0x7.0': noRegisters, '0x12.0': { ...noRegisters, eax: 3 } } },
    facts => facts.cpu.sgx1,
    { absence: 'not-asked', source: 'CPUID leaf 0x7 EBX bit 2' },
  ],
  [
    'the sgx flag stands in for CPUID',
    { files: flags('sgx'), forbidden: [cpuidPath] },
    facts => facts.cpu.sgx,
    { value: true, source: '/proc/cpuinfo flag sgx' },
  ],
  [
    'its absence says no on Linux 5.11',
    { files: { ...flags('vmx'), ...release('5.11.0') }, forbidden: [cpuidPath] },
    facts => facts.cpu.sgx,
    { value: false, source: '/proc/cpuinfo flag sgx' },
  ],
  [
    'its absence says nothing on Linux 5.4, which has no such flag',
    { files: { ...flags('vmx'), ...release('5.4.0-1109-azure') }, forbidden: [cpuidPath] },
    facts => facts.cpu.sgx,
    { absence: 'not-stated', source: '/proc/cpuinfo flag sgx' },
  ],
  [
    'its absence says nothing where Linux is built without SGX',
    {
      files: {
        ...flags('vmx'),
        ...release('5.15.0-1'),
        ...config('# CONFIG_X86_SGX is not set'),
      },
    },
    facts => facts.cpu.sgx,
    { absence: 'not-stated', source: '/proc/cpuinfo flag sgx' },
  ],
  [
    'kernels do not list sgx1, so its absence is no answer; why CPUID gives none is',
    { files: flags('sgx'), forbidden: [cpuidPath] },
    facts => facts.cpu.sgx1,
    { absence: 'not-permitted', source: cpuidPath },
  ],
  [
    'a flag is a whole word',
    { files: { ...flags('sgx_lc'), ...release('6.1.0') } },
    facts => facts.cpu.sgx.value,
    false,
  ],
  [
    'FSGSBASE by AT_HWCAP2 bit 1',
    { files: { '/proc/self/auxv': auxv([16n, 1n], [26n, 2n]) } },
    facts => facts.kernel.fsgsbase,
    { value: true, source: '/proc/self/auxv AT_HWCAP2 bit 1' },
  ],
  [
    'another bit of AT_HWCAP2 is not FSGSBASE',
    { files: { '/proc/self/auxv': auxv([26n, 5n]) } },
    facts => facts.kernel.fsgsbase.value,
    false,
  ],
  [
    'what follows the end of the vector does not count',
    { files: { '/proc/self/auxv': auxv([0n, 0n], [26n, 2n]) } },
    facts => facts.kernel.fsgsbase,
    { absence: 'not-stated', source: '/proc/self/auxv' },
  ],
  [
    'how the kernel is built, from /boot',
    { files: { ...release('5.15.0-1'), ...config('CONFIG_X86_SGX=y') } },
    facts => facts.kernel.builtWithSgx,
    { value: true, source: '/boot/config-5.15.0-1 CONFIG_X86_SGX' },
  ],
  [
    'how the kernel is built, from itself',
    { files: { '/proc/config.gz': gzipSync('# CONFIG_X86_SGX is not set\n') } },
    facts => facts.kernel.builtWithSgx,
    { value: false, source: '/proc/config.gz CONFIG_X86_SGX' },
  ],
  [
    'a configuration that cannot be unpacked states nothing, and the next is read',
    {
      files: {
        '/proc/config.gz': 'torn',
        ...release('5.15.0-1'),
        ...config('CONFIG_X86_SGX=y'),
      },
    },
    facts => facts.kernel.builtWithSgx.value,
    true,
  ],
  [
    'a release that climbs is no name of a file',
    { files: { ...release('../../etc/x'), '/etc/x': 'CONFIG_X86_SGX=y' } },
    facts => facts.kernel.builtWithSgx,
    { absence: 'not-asked', source: '/boot/config-<release>' },
  ],
  [
    'what the kernel was booted without',
    { files: { '/proc/cmdline': 'ro nosgx quiet nofsgsbase=\n' } },
    facts => facts.kernel.switchedOff,
    { value: ['nosgx'], source: '/proc/cmdline' },
  ],
  [
    'the operating system',
    { files: { '/etc/os-release': 'ID=x\nPRETTY_NAME="X 1 (y)"\n' } },
    facts => facts.os,
    { value: 'X 1 (y)', source: '/etc/os-release' },
  ],
  [
    'the version of a DCAP driver',
    { devices: ['/dev/sgx/enclave'], files: { '/sys/module/intel_sgx/version': '1.33.2\n' } },
    facts => facts.driverVersion,
    { value: '1.33.2', source: '/sys/module/intel_sgx/version' },
  ],
  [
    'the device nodes of every generation, and who may open them; the newest counts',
    { devices: ['/dev/isgx', '/dev/sgx', ...flat], access: { gid: 105, mode: 0o660 } },
    facts => [facts.enclaveDevice.value?.path, facts.deviceNodes],
    [
      '/dev/sgx_enclave',
      [
        { driver: 'in-kernel', role: 'enclave', path: '/dev/sgx_enclave', gid: 105, mode: 0o660 },
        {
          driver: 'in-kernel',
          role: 'provision',
          path: '/dev/sgx_provision',
          gid: 105,
          mode: 0o660,
        },
        { driver: 'dcap-1.22', role: 'enclave', path: '/dev/sgx', gid: 105, mode: 0o660 },
        { driver: 'legacy', role: 'enclave', path: '/dev/isgx', gid: 105, mode: 0o660 },
      ],
    ],
  ],
  [
    'the provision device of another driver is none',
    { devices: ['/dev/sgx_enclave', '/dev/sgx_prv'] },
    facts => facts.provisionDevice.value,
    undefined,
  ],
  [
    'EPC where CPUID may not be asked',
    { forbidden: [cpuidPath] },
    facts => facts.epc,
    { absence: 'not-permitted', source: cpuidPath },
  ],
  [
    '/dev is mounted noexec',
    { files: at('21 1 8:1 / / rw - ext4 x rw\n22 21 0:5 / /dev rw,noexec - devtmpfs udev rw\n') },
    facts => facts.devExec,
    { value: false, source: '/proc/self/mountinfo' },
  ],
  [
    'a later mount covers an earlier one, and options of the file system do not count',
    {
      files: at('22 21 0:5 / /dev rw,noexec - x x rw\n23 22 0:6 / /dev rw - x x rw,noexec\n'),
    },
    facts => facts.devExec.value,
    true,
  ],
  [
    '/dev is on the root file system, which is noexec',
    { files: at('21 1 8:1 / / rw,noexec - ext4 x rw\n22 21 0:5 / /dev/shm rw - x x rw\n') },
    facts => facts.devExec.value,
    false,
  ],
  [
    'the mounts of process 1 are the node’s',
    {
      files: {
        ...at('1 1 1:1 / /dev rw,noexec - x x rw\n'),
        '/proc/1/mountinfo': '1 1 1:1 / /dev rw - x x rw\n',
      },
    },
    facts => facts.devExec,
    { value: true, source: '/proc/1/mountinfo' },
  ],
]

for (const [what, node, pick, fact] of cases) {
  test(`facts: ${what}`, async () => deepEqual(pick(await read(node)), fact))
}

test('of a node where nothing is there, every fact is an absence with its place', async () => {
  const { cpu, kernel, deviceNodes, ...others } = await read({})
  const facts = [...Object.values(cpu), ...Object.values(kernel), ...Object.values(others)]
  for (const fact of facts) equal(fact.value, undefined, fact.source)
  deepEqual(deviceNodes, [])
})

test('a file that cannot be read for another reason than permission is an error', async () => {
  const host = fakeHost({})
  const torn = new HostError('ERR_HOST_READ', '/proc/cpuinfo', 'cannot be read (EIO)')
  const read = (path: string) => (path === '/proc/cpuinfo' ? Promise.reject(torn) : host.read(path))
  await rejects(readNode({ ...host, read }), { code: 'ERR_HOST_READ', path: '/proc/cpuinfo' })
})

test('an auxiliary vector cut short anywhere has no AT_HWCAP2, or the same', () => {
  const whole = auxv([6n, 4096n], [26n, 2n])
  for (let length = 0; length < whole.byteLength; length++) {
    equal(readHwcap2(whole.subarray(0, length)), length < 32 ? undefined : 2n)
  }
})

test('no bytes for any file make reading a node throw, but for EPC in sysfs', async () => {
  const paths = ['/proc/cpuinfo', '/proc/self/auxv', '/proc/1/mountinfo', '/proc/config.gz']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array(), async (path, bytes) => {
      await read({ files: { [path]: bytes } })
    }),
  )
})

test('this machine can be read', async () => {
  const facts = await readNode(mountedHost('/'))
  equal(facts.kernel.release.source, '/proc/sys/kernel/osrelease')
  equal(typeof facts.kernel.release.value, 'string')
  equal(typeof facts.kernel.fsgsbase.value, 'boolean')
})

test('a node that is read again in the same boot has its devices and EPC read anew, its CPU and kernel not', async () => {
  const files = { '/proc/cpuinfo': 'flags\t: sgx\n', ...release('6.8.0') }
  const before = await read({ files })
  const asked: string[] = []
  const later = fakeHost({ files, devices: flat })
  const host = {
    ...later,
    read: (path: string) => {
      asked.push(path)
      return later.read(path)
    },
  }
  const after = await readNode(host, before)
  equal(after.enclaveDevice.value?.path, '/dev/sgx_enclave')
  deepEqual([after.cpu, after.kernel, after.os], [before.cpu, before.kernel, before.os])
  deepEqual(
    asked.filter(path => /cpuinfo|osrelease|os-release|config/.test(path)),
    [],
  )
})
