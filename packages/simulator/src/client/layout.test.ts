import { deepEqual, equal, notEqual, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { layOutEnclave, measureLayout, measureManifest } from './layout.ts'
import type { EnclaveFile } from './manifest.ts'
import { simulatedMrSigner } from './signer.ts'

const manifest = { name: 'hello', main: 'main.ts', heapMiB: 1 }
const bytes = (text: string) => new TextEncoder().encode(text)
const file = (path: string, content: string): EnclaveFile => ({ path, content: bytes(content) })
const files = [file('b.ts', 'two'), file('a.ts', 'one'), file('main.ts', '')]
const measure = (of = manifest, what: readonly EnclaveFile[] = files) =>
  measureLayout(layOutEnclave(of, what)).toHex()

test('head, then a page that names each file and its content in path order, then the heap', () => {
  const layout = layOutEnclave(manifest, files)
  const runs = layout.runs.map(run => ({
    at: run.offset / 4096,
    flags: run.secinfoFlags.toString(16),
    pages: 'count' in run ? run.count : run.content.byteLength / 4096,
  }))
  deepEqual(runs, [
    { at: 0, flags: '201', pages: 1 },
    { at: 1, flags: '201', pages: 1 },
    { at: 2, flags: '205', pages: 1 },
    { at: 3, flags: '201', pages: 1 },
    { at: 4, flags: '205', pages: 1 },
    { at: 5, flags: '201', pages: 1 },
    { at: 6, flags: '203', pages: 256 },
  ])
  equal(layout.pages, 1 + 6 + 256)
  equal(layout.sizeBytes, 512 * 4096)
})

test('the head and the page of a file are laid out as documented', () => {
  const [head, name] = layOutEnclave(manifest, files).runs
  const start = (run: typeof head, length: number) =>
    run !== undefined && 'content' in run ? run.content.subarray(0, length).toHex() : undefined
  equal(
    start(head, 40),
    `${bytes('ALCOVE ENCLAVE\0\0').toHex()}0100000003000000${'0500'}${bytes('hello').toHex()}${'0700'}${bytes('main.ts').toHex()}`,
  )
  equal(
    start(name, 30),
    `${bytes('ALCOVE FILE\0\0\0\0\0').toHex()}0300000000000000${'0400'}${bytes('a.ts').toHex()}`,
  )
})

test('MRENCLAVE does not depend on the order in which files are given', () => {
  equal(measure(manifest, files.toReversed()), measure())
})

test('one byte, a length, a path, the name, the entry or the heap: each changes MRENCLAVE', () => {
  const variants = [
    measure(),
    measure({ ...manifest, name: 'hallo' }),
    measure({ ...manifest, main: 'a.ts' }),
    measure({ ...manifest, heapMiB: 0 }),
    measure({ ...manifest, heapMiB: 2 }),
    measure(manifest, [file('b.ts', 'two'), file('a.ts', 'onf'), file('main.ts', '')]),
    measure(manifest, [file('b.ts', 'two'), file('a.ts', 'one\0'), file('main.ts', '')]),
    measure(manifest, [file('c.ts', 'two'), file('a.ts', 'one'), file('main.ts', '')]),
    measure(manifest, [file('b.ts', 'one'), file('a.ts', 'two'), file('main.ts', '')]),
    measure(manifest, files.slice(1)),
  ]
  equal(new Set(variants).size, variants.length)
})

test('whatever the file, one flipped bit of it changes MRENCLAVE', () => {
  const content = fc.uint8Array({ minLength: 1, maxLength: 10_000 })
  fc.assert(
    fc.property(content, fc.nat(), fc.nat(7), (original, at, bit) => {
      const changed = original.slice()
      const index = at % changed.length
      changed[index] = (changed[index] ?? 0) ^ (1 << bit)
      const of = (what: Uint8Array) => measure(manifest, [{ path: 'main.ts', content: what }])
      notEqual(of(changed), of(original))
    }),
    { numRuns: 30 },
  )
})

test('the least enclave has two pages of address range, and files over 64 MiB are refused', () => {
  equal(layOutEnclave({ ...manifest, heapMiB: 0 }, []).sizeBytes, 8192)
  const large = { path: 'main.ts', content: new Uint8Array(64 * 2 ** 20 + 1) }
  throws(() => layOutEnclave(manifest, [large]), { code: 'ERR_SIMULATOR_MANIFEST' })
})

test('a relying party computes MRENCLAVE, MRSIGNER and the EPC from a manifest and its files', async () => {
  const whole = { ...manifest, files: [], isvProdId: 1, isvSvn: 1, debug: false, signer: 'me' }
  const { mrEnclave, mrSigner, epcBytes } = await measureManifest(whole, {
    list: async () => ['main.ts'],
    read: async () => bytes('code'),
  })
  equal(mrEnclave.toHex(), measure(manifest, [file('main.ts', 'code')]))
  equal(mrSigner.toHex(), createHash('sha256').update('alcove simulated signer\0me').digest('hex'))
  equal(epcBytes, (1 + 3 + 256) * 4096)
})

test('signers of different names have different MRSIGNERs', () => {
  notEqual(simulatedMrSigner('a').toHex(), simulatedMrSigner('b').toHex())
})
