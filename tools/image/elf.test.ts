import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ByteWriter } from '../../packages/bytes/src/index.ts'
import { readLinked, withoutSections } from './elf.ts'

const HEADERS = 0x40 + 3 * 56
const strings = Buffer.from('\0libc.so.6\0libatomic.so.1\0/lib64/ld.so\0')
const dynamicAt = HEADERS + strings.byteLength
const loadedBytes = dynamicAt + 4 * 16
const ADDRESS = 0x400000n

/** A program of three segments, with a symbol table and section headers behind them. */
function program(): Uint8Array {
  const writer = new ByteWriter('program')
  writer.rest(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1)).zeros(25)
  writer.u64le('e_phoff', 0x40n).u64le('e_shoff', 0x9999n).zeros(6)
  writer.u16le('e_phentsize', 56).u16le('e_phnum', 3)
  writer.u16le('e_shentsize', 64).u16le('e_shnum', 7).u16le('e_shstrndx', 6)
  const segments = [
    [1, 0, loadedBytes],
    [2, dynamicAt, 4 * 16],
    [3, HEADERS + strings.indexOf('/lib64'), '/lib64/ld.so\0'.length],
  ] as const
  for (const [type, offset, bytes] of segments) {
    writer.u32le('p_type', type).u32le('p_flags', 4).u64le('p_offset', BigInt(offset))
    writer.u64le('p_vaddr', ADDRESS + BigInt(offset)).u64le('p_paddr', 0n)
    writer.u64le('p_filesz', BigInt(bytes)).u64le('p_memsz', BigInt(bytes)).u64le('p_align', 1n)
  }
  writer.rest(strings)
  const tags = [
    [1n, BigInt(strings.indexOf('libatomic'))],
    [5n, ADDRESS + BigInt(HEADERS)],
    [1n, BigInt(strings.indexOf('libc'))],
    [0n, 0n],
  ] as const
  for (const [tag, value] of tags) writer.u64le('d_tag', tag).u64le('d_val', value)
  return writer.rest(Buffer.from('symbols and section headers')).done()
}

test('interpreter and needed libraries are read through the dynamic section', () => {
  deepEqual(readLinked(program(), 'program'), {
    interpreter: '/lib64/ld.so',
    needed: ['libatomic.so.1', 'libc.so.6'],
  })
})

test('without sections, what is loaded is the same and asks for the same', () => {
  const whole = program()
  const loaded = withoutSections(whole, 'program')
  equal(loaded.byteLength, loadedBytes)
  deepEqual(loaded.subarray(0x40), whole.subarray(0x40, loadedBytes))
  deepEqual(readLinked(loaded, 'loaded'), readLinked(whole, 'whole'))
  deepEqual([...loaded.subarray(0x28, 0x30), ...loaded.subarray(0x3c, 0x40)], Array(12).fill(0))
  deepEqual(withoutSections(loaded, 'again'), loaded)
})

test('a program cut short anywhere within what is loaded is refused', () => {
  const loaded = withoutSections(program(), 'program')
  for (let length = 0; length < loaded.byteLength; length++) {
    throws(() => readLinked(loaded.slice(0, length), 'cut'), { code: /^ERR_FORMAT_/ })
  }
})

test('this Node links to libc, and loses its symbol table alone', async t => {
  if (process.platform !== 'linux') {
    t.skip('only Linux has ELF programs')
    return
  }
  const node = await readFile(process.execPath)
  const loaded = withoutSections(node, 'node')
  ok(loaded.byteLength < node.byteLength)
  const linked = readLinked(loaded, 'node')
  ok(linked.needed.includes('libc.so.6'))
  deepEqual(linked, readLinked(node, 'node'))
})
