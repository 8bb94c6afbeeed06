import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpuMap, parseCpuList, writeNumaNodes } from './numa-nodes.ts'

test('a list of CPUs has ranges and single ones', () => {
  deepEqual(parseCpuList('0-1,4\n'), [0, 1, 4])
  deepEqual(parseCpuList('3'), [3])
})

test('a map of CPUs is in words of 32 bits, the highest first', () => {
  equal(cpuMap([0, 1]), '00000003')
  equal(cpuMap([0, 33]), '00000002,00000001')
})

test('two NUMA nodes share the CPUs, and each has its EPC', {
  skip: availableParallelism() < 2 && 'needs two CPUs',
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'numa-'))
  try {
    await writeNumaNodes(directory, [2 ** 20, 2 ** 21])
    const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8')
    equal(await read('online'), '0-1\n')
    equal(await read('node0/distance'), '10 21\n')
    equal(await read('node1/distance'), '21 10\n')
    equal(await read('node1/x86/sgx_total_bytes'), `${2 ** 21}\n`)
    match(await read('node1/meminfo'), /^Node 1 MemTotal: \d+ kB$/m)
    const cpusOf = async (node: string): Promise<readonly string[]> =>
      (await readdir(join(directory, node))).filter(name => /^cpu\d+$/.test(name))
    const [first, second] = [await cpusOf('node0'), await cpusOf('node1')]
    equal(new Set([...first, ...second]).size, first.length + second.length)
    equal(await readlink(join(directory, 'node0', first[0] ?? '')), `../../cpu/${first[0]}`)
  } finally {
    await rm(directory, { recursive: true })
  }
})
