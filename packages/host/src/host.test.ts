import { deepEqual, equal, rejects } from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mountedHost, SIMULATED_NODE_MARKER, simulatedHost } from './index.ts'

const leaf = { eax: 1, ebx: 0x01020304, ecx: 0xffff_ffff, edx: 0 }
const marker = {
  alcoveSimulatedNode: 1,
  size: 'DC2s_v2',
  os: 'in-kernel',
  devices: ['/dev/sgx_enclave', '/dev/gone'],
  cpuid: { '0x12.2': leaf },
}

async function root(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-host-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

const simulatedRoot = (t: TestContext, files: Readonly<Record<string, string>> = {}) =>
  root(t, { [SIMULATED_NODE_MARKER]: JSON.stringify(marker), ...files })

test('a mounted host reads below its root, and a missing file is absent', async t => {
  const directory = await root(t, { 'etc/os-release': 'ID=x\n', 'dev/sgx_enclave': '' })
  const host = mountedHost(directory)
  equal(Buffer.from((await host.read('/etc/os-release')) ?? []).toString(), 'ID=x\n')
  equal(Buffer.from((await host.read('/../../etc/os-release')) ?? []).toString(), 'ID=x\n')
  equal(await host.read('/etc/none'), undefined)
  equal(await host.read('/etc/os-release/below'), undefined)
  equal(await host.isCharDevice('/dev/sgx_enclave'), false)
  equal(await host.isCharDevice('/dev/none'), false)
  equal(await host.cpuid(0x12, 2), undefined)
})

test('where this machine is the node, its kernel is asked for what the root has not; else nothing is', async t => {
  const directory = await root(t, { 'proc/sys/kernel/osrelease': '6.1.0-node\n' })
  const here = mountedHost(directory, { executeCpuid: true })
  const text = async (path: string) => Buffer.from((await here.read(path)) ?? []).toString()
  equal(await text('/proc/sys/kernel/osrelease'), '6.1.0-node\n')
  equal((await here.read('/proc/self/auxv')) === undefined, false)
  equal(await here.read('/proc/cpuinfo'), undefined)
  equal(await mountedHost(directory).read('/proc/self/auxv'), undefined)
})

test('a mounted host knows a character device', async () => {
  equal(await mountedHost('/').isCharDevice('/dev/null'), true)
})

test('a file that cannot be read is an error that names it, not an absence', async t => {
  const directory = await root(t, { 'etc/os-release': 'ID=x\n' })
  await rejects(mountedHost(directory).read('/etc'), {
    code: 'ERR_HOST_READ',
    path: '/etc',
    message: '/etc: cannot be read (EISDIR)',
  })
})

test('what only root may read says so', {
  skip: process.getuid?.() === 0 && 'run as root',
}, async t => {
  const directory = await root(t, { 'dev/cpu/0/cpuid': '' })
  await chmod(join(directory, 'dev/cpu/0/cpuid'), 0)
  await rejects(mountedHost(directory).cpuid(7, 0), {
    code: 'ERR_HOST_READ',
    message: '/dev/cpu/0/cpuid: cannot be read (EACCES); run as a user that may, such as root',
  })
})

test('a mounted host asks CPUID with 16 bytes at leaf | subleaf << 32', async t => {
  const directory = await root(t, { 'dev/cpu/0/cpuid': '' })
  await using file = await open(join(directory, 'dev/cpu/0/cpuid'), 'r+')
  await file.write(
    Buffer.from('0100000004030201ffffffff00000000', 'hex'),
    0,
    16,
    2 * 2 ** 32 + 0x12,
  )
  const host = mountedHost(directory)
  deepEqual(await host.cpuid(0x12, 2), leaf)
  await rejects(host.cpuid(0x12, 3), { code: 'ERR_FORMAT_TRUNCATED', field: 'cpuid.eax' })
})

test('a directory without the marker is not a simulated root, and the error says what is', async t => {
  const directory = await root(t, { 'dev/sgx_enclave': '' })
  await rejects(simulatedHost(directory), {
    code: 'ERR_HOST_NOT_SIMULATED',
    path: join(directory, SIMULATED_NODE_MARKER),
    message:
      /no such file, so this is not the root of a simulated node; name a root that Alcove wrote/,
  })
  await rejects(simulatedHost(join(directory, 'none')), { code: 'ERR_HOST_NOT_SIMULATED' })
})

test('a simulated root with a malformed marker is refused', async t => {
  const directory = await root(t, { [SIMULATED_NODE_MARKER]: '{}' })
  await rejects(simulatedHost(directory), { code: 'ERR_HOST_MARKER' })
})

test('a device of a simulated root is listed by the marker, and its file is there', async t => {
  const host = await simulatedHost(
    await simulatedRoot(t, { 'dev/sgx_enclave': 'token', 'dev/unlisted': '' }),
  )
  equal(await host.isCharDevice('/dev/sgx_enclave'), true)
  equal(await host.isCharDevice('/dev/gone'), false)
  equal(await host.isCharDevice('/dev/unlisted'), false)
  equal(await host.isCharDevice('/dev/null'), false)
})

test('who may open a device is what the marker says, or else what the file says', async t => {
  const access = {
    '/dev/sgx_enclave': { gid: 4321, mode: 0o660 },
    '/dev/gone': { gid: 1, mode: 0 },
  }
  const directory = await simulatedRoot(t, {
    [SIMULATED_NODE_MARKER]: JSON.stringify({ ...marker, access }),
    'dev/sgx_enclave': 'token',
    'dev/sgx_provision': 'token',
  })
  await chmod(join(directory, 'dev/sgx_provision'), 0o640)
  const host = await simulatedHost(directory)
  deepEqual(await host.access('/dev/sgx_enclave'), { gid: 4321, mode: 0o660 })
  equal((await host.access('/dev/sgx_provision'))?.mode, 0o640)
  equal(await host.access('/dev/gone'), undefined)
  equal((await mountedHost(directory).access('/dev/sgx_provision'))?.mode, 0o640)
  equal(await mountedHost(directory).access('/dev/none'), undefined)
})

test('a simulated root answers the CPUID leaves of its marker and no other', async t => {
  const host = await simulatedHost(await simulatedRoot(t))
  deepEqual(await host.cpuid(0x12, 2), leaf)
  equal(await host.cpuid(0x12, 3), undefined)
  equal(await host.cpuid(2, 0x12), undefined)
})

test('a simulated root is not escaped by dots nor by symbolic links', async t => {
  const outside = await root(t, { secret: 'outside' })
  const directory = await simulatedRoot(t, { 'etc/os-release': 'ID=x\n' })
  await symlink('os-release', join(directory, 'etc/inside'))
  await symlink(join(outside, 'secret'), join(directory, 'etc/outside'))
  await symlink('nowhere', join(directory, 'etc/dangling'))
  const host = await simulatedHost(directory)
  equal(Buffer.from((await host.read('/../etc/inside')) ?? []).toString(), 'ID=x\n')
  equal(await host.read(`/../../../../../../../..${outside}/secret`), undefined)
  equal(await host.read('/etc/dangling'), undefined)
  await rejects(host.read('/etc/outside'), { code: 'ERR_HOST_PATH', path: '/etc/outside' })
})
