import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseEpcSection } from './index.ts'

test('base and size are put together from 20 low and 20 high bits', () => {
  const leaf = { eax: 0x70200001, ebx: 0, ecx: 0x05d80001, edx: 0 }
  deepEqual(parseEpcSection(leaf), { base: 0x70200000n, bytes: 0x05d80000n })
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 40n) - 1n), fc.bigInt(0n, (1n << 40n) - 1n), (base, bytes) => {
      const low = (pages: bigint) => Number((pages << 12n) & 0xfffff000n)
      const high = (pages: bigint) => Number(pages >> 20n)
      const [eax, ebx, ecx, edx] = [low(base) + 1, high(base), low(bytes) + 1, high(bytes)]
      deepEqual(parseEpcSection({ eax, ebx, ecx, edx }), {
        base: base << 12n,
        bytes: bytes << 12n,
      })
    }),
  )
})

test('bits that belong to no field are ignored', () => {
  const leaf = { eax: 0x80000ff1, ebx: 0xfff00001, ecx: 0x80000fff, edx: 0xfff00003 }
  deepEqual(parseEpcSection(leaf), { base: 0x1_8000_0000n, bytes: 0x3_8000_0000n })
})

test('a leaf of type 0, or of a type that is not known, is no section', () => {
  equal(parseEpcSection({ eax: 0, ebx: 0, ecx: 0, edx: 0 }), undefined)
  equal(parseEpcSection({ eax: 0x70200002, ebx: 0, ecx: 0x05d80001, edx: 0 }), undefined)
})
