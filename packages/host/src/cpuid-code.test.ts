import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { loadExecuteCpuid } from './cpuid-code.ts'
import { mountedHost, readNode } from './index.ts'

const skip = (process.arch !== 'x64' || process.platform !== 'linux') && 'Linux on x86-64 only'

async function emptyRoot(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-cpuid-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

async function executed(leaf: number, subleaf: number) {
  const execute = await loadExecuteCpuid()
  ok(execute)
  return execute(leaf, subleaf)
}

/** Leaf 0 spells the vendor in EBX, EDX, ECX (Intel SDM, CPUID, leaf 0). */
function vendorOf({ ebx, ecx, edx }: { ebx: number; ecx: number; edx: number }): string {
  return Buffer.from(Uint32Array.of(ebx, edx, ecx).buffer).toString('latin1')
}

test('CPUID that this process executes names the vendor that /proc/cpuinfo has', {
  skip,
}, async () => {
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8')
  equal(vendorOf(await executed(0, 0)), /^vendor_id\s*: (.+)$/m.exec(cpuinfo)?.[1])
})

test('its leaf 7 has every feature that the kernel lists of it', { skip }, async () => {
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8')
  const flags = new Set(/^flags\s*: (.+)$/m.exec(cpuinfo)?.[1]?.split(' '))
  const { ebx } = await executed(7, 0)
  // Linux, arch/x86/include/asm/cpufeatures.h, word 9
  const bits = { fsgsbase: 0, bmi1: 3, avx2: 5, bmi2: 8, rdseed: 18, adx: 19, sha_ni: 29 }
  for (const [name, bit] of Object.entries(bits)) {
    if (flags.has(name)) equal((ebx >>> bit) & 1, 1, name)
  }
  ok(Object.keys(bits).some(name => flags.has(name)))
})

test('it answers what /dev/cpu/0/cpuid answers', { skip }, async t => {
  const node = mountedHost('/')
  const asked = await node.cpuid(0, 0).catch(() => undefined)
  if (asked === undefined) return t.skip('no /dev/cpu/0/cpuid for this user')
  for (const [leaf, subleaf] of [
    [0, 0],
    [7, 0],
    [0x12, 0],
    [0x12, 2],
    [0x8000_0002, 0],
  ] as const) {
    deepEqual(await executed(leaf, subleaf), await node.cpuid(leaf, subleaf), `leaf ${leaf}`)
  }
})

test('a mounted host executes it where the node does not answer, and only where it is told to', {
  skip,
}, async t => {
  const root = await emptyRoot(t)
  equal(await mountedHost(root).cpuid(0, 0), undefined)
  const reading = await mountedHost(root, { executeCpuid: true }).cpuid(0, 0)
  deepEqual(reading, { ...(await executed(0, 0)), executed: true })
})

test('a fact that was learned so says so in its source', { skip }, async t => {
  const { cpu } = await readNode(mountedHost(await emptyRoot(t), { executeCpuid: true }))
  equal(cpu.sgx.source, 'CPUID leaf 0x7 EBX bit 2, executed')
})

test('a user without privileges executes it, and no mapping is writable and executable', {
  skip: skip || (process.getuid?.() !== 0 && 'needs root, to become nobody'),
}, async t => {
  const script = `
    const { loadExecuteCpuid } = await import('${import.meta.dirname}/cpuid-code.ts')
    const { readFileSync } = await import('node:fs')
    const maps = () => readFileSync('/proc/self/maps', 'utf8').split('\\n').filter(line => / rwx/.test(line))
    const before = maps().length
    const execute = await loadExecuteCpuid()
    const status = readFileSync('/proc/self/status', 'utf8')
    console.log(JSON.stringify({
      leaf: execute(0, 0),
      uid: process.getuid(),
      capabilities: /CapEff:\\s*(\\w+)/.exec(status)[1],
      added: maps().length - before,
    }))`
  const dropped = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs']
  const args = [...dropped, '--bounding-set=-all', process.execPath, '--input-type=module']
  try {
    const { stdout } = await promisify(execFile)('setpriv', [...args, '-e', script])
    const { leaf, ...rest } = JSON.parse(stdout)
    deepEqual(leaf, await executed(0, 0))
    deepEqual(rest, { uid: 65534, capabilities: '0000000000000000', added: 0 })
  } catch (error) {
    const unusable = error instanceof Error && /ENOENT|EACCES|Cannot find/.test(error.message)
    if (!unusable) throw error
    t.skip('no setpriv, or the tree is closed to nobody')
  }
})
