import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readSgx, SIMULATED_NODE_MARKER, simulatedHost } from '@alcove/host'
import { parseEpcSection } from '@alcove/sgx'
import fc from 'fast-check'
import { simulatedCpuid } from './cpuid.ts'
import { nodeSize, nodeSizes, type SimulatedRootOptions, writeSimulatedRoot } from './index.ts'

const MIB = 2 ** 20
const options: SimulatedRootOptions = {
  size: 'DC2s_v2',
  os: 'in-kernel',
  enclaveToken: 'enclave token',
  provisionToken: 'provision token',
}

async function place(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'alcove-node-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'root')
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('an in-kernel node has flat device nodes, and EPC in sysfs', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, options)
  const path = '/sys/devices/system/node/node0/x86/sgx_total_bytes'
  deepEqual(await readSgx(await simulatedHost(root)), {
    enclaveDevice: { path: '/dev/sgx_enclave', driver: 'in-kernel' },
    provisionDevice: { path: '/dev/sgx_provision', driver: 'in-kernel' },
    epc: { bytes: 56 * MIB, source: 'sysfs', nodes: [{ node: 0, bytes: 56 * MIB, path }] },
  })
})

test('a DCAP 1.33 node has nested device nodes, and tells its EPC by CPUID', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, { ...options, os: 'dcap-1.33', size: 'Standard_DC1s_v2' })
  deepEqual(await readSgx(await simulatedHost(root)), {
    enclaveDevice: { path: '/dev/sgx/enclave', driver: 'dcap-1.33' },
    provisionDevice: { path: '/dev/sgx/provision', driver: 'dcap-1.33' },
    epc: { bytes: 28 * MIB, source: 'cpuid', nodes: [] },
  })
})

test('device files hold exactly the tokens, for nobody but their owner', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, options)
  equal(await readFile(join(root, 'dev/sgx_enclave'), 'utf8'), 'enclave token')
  equal(await readFile(join(root, 'dev/sgx_provision'), 'utf8'), 'provision token')
  equal(await modeOf(join(root, 'dev/sgx_enclave')), 0o600)
  equal(await modeOf(join(root, 'dev/sgx_provision')), 0o600)
  equal(await modeOf(root), 0o700)
})

test('cpuinfo has the flags of an SGX machine on each core, and os-release says simulated', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, { ...options, size: 'DC4s_v2' })
  const cpuinfo = await readFile(join(root, 'proc/cpuinfo'), 'utf8')
  equal(cpuinfo.match(/^flags\t\t: hypervisor sgx sgx_lc fsgsbase$/gm)?.length, 4)
  ok((await readFile(join(root, 'etc/os-release'), 'utf8')).includes('simulated'))
})

test('a simulated root is replaced whole, and what others put beside it stays', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, options)
  await mkdir(join(root, 'run'))
  await writeFile(join(root, 'run/kept'), '')
  await writeSimulatedRoot(root, { ...options, os: 'dcap-1.33', enclaveToken: 'another' })
  deepEqual(await readdir(join(root, 'dev')), ['sgx'])
  equal(await readFile(join(root, 'dev/sgx/enclave'), 'utf8'), 'another')
  equal((await readSgx(await simulatedHost(root))).epc.source, 'cpuid')
  deepEqual((await readdir(root)).sort(), [
    SIMULATED_NODE_MARKER,
    'dev',
    'etc',
    'proc',
    'run',
    'sys',
  ])
})

test('a root whose writing was cut short is no simulated root, and can be written again', async t => {
  const root = await place(t)
  await writeSimulatedRoot(root, options)
  const marker = join(root, SIMULATED_NODE_MARKER)
  await rename(marker, `${marker}.unfinished`)
  await rejects(simulatedHost(root), { code: 'ERR_HOST_NOT_SIMULATED' })
  await writeSimulatedRoot(root, options)
  equal((await readSgx(await simulatedHost(root))).epc.bytes, 56 * MIB)
})

test('a directory with anything else in it is left as it is; an empty one is taken', async t => {
  const root = await place(t)
  await mkdir(join(root, 'dev'), { recursive: true, mode: 0o755 })
  await writeFile(join(root, 'dev/sgx_enclave'), 'precious')
  await rejects(writeSimulatedRoot(root, options), { code: 'ERR_SIMULATOR_DIRECTORY' })
  equal(await readFile(join(root, 'dev/sgx_enclave'), 'utf8'), 'precious')
  await rm(join(root, 'dev'), { recursive: true })
  await writeSimulatedRoot(root, options)
  equal(await modeOf(root), 0o700)
})

test('a size that is not known is refused with the list of sizes, before anything is written', async t => {
  const root = await place(t)
  await rejects(writeSimulatedRoot(root, { ...options, size: 'D2s_v5' }), {
    code: 'ERR_SIMULATOR_SIZE',
    message: /'D2s_v5'.*DC1s_v2, DC2s_v2, DC4s_v2, DC8_v2, DC1s_v3, DC1ds_v3/,
  })
  await rejects(stat(root), { code: 'ENOENT' })
})

test('a size is found with and without Standard_, in any case', () => {
  equal(nodeSize('Standard_DC48s_v3').epcMib, 262_144)
  equal(nodeSize('dc48ds_v3').epcMib, 262_144)
  equal(nodeSize('standard_dc8_V2').epcMib, 168)
  equal(new Set(nodeSizes.map(size => size.name)).size, 20)
})

for (const { name, epcMib } of nodeSizes) {
  test(`${name}: CPUID and sysfs agree on ${epcMib} MiB`, async t => {
    const root = await place(t)
    await writeSimulatedRoot(root, { ...options, size: name })
    const host = await simulatedHost(root)
    equal((await readSgx(host)).epc.bytes, epcMib * MIB)
    const leaf = await host.cpuid(0x12, 2)
    equal(leaf && parseEpcSection(leaf)?.bytes, BigInt(epcMib * MIB))
    const end = await host.cpuid(0x12, 3)
    equal(end && parseEpcSection(end), undefined)
  })
}

test('any EPC of whole pages below 2^52 bytes survives CPUID', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 39n) - 1n), fc.constantFrom(1, 2), (pages, count) => {
      const sections = Array<bigint>(count).fill(pages << 12n)
      const cpuid = simulatedCpuid({ sgx: true, launchControl: true, sections })
      const read = ['0x12.2', '0x12.3', '0x12.4'].flatMap(key => {
        const section = cpuid[key] && parseEpcSection(cpuid[key])
        return section === undefined ? [] : [section.bytes]
      })
      deepEqual(read, sections)
    }),
  )
})
