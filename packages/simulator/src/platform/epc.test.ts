import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { createEpcAccount } from './epc.ts'

test('pages are taken and given back, one by one', () => {
  const epc = createEpcAccount('this node', 10)
  epc.take(1)
  epc.take(9)
  equal(epc.freePages, 0)
  epc.give(4)
  equal(epc.freePages, 4)
  equal(epc.totalPages, 10)
})

test('more pages than are free: none is taken, and the refusal counts in bytes and names the remedy', () => {
  const epc = createEpcAccount('this node', 10)
  epc.take(8)
  throws(() => epc.take(3), {
    code: 'ERR_SIMULATOR_OUT_OF_EPC',
    aesmCode: 29,
    epc: { askedBytes: 12_288, freeBytes: 8192, totalBytes: 40_960 },
    message:
      "out of EPC: 12288 bytes asked, 8192 of this node's 40960 free; " +
      'lower heapMiB in enclave.json, end another enclave, or use a node with more EPC',
  })
  equal(epc.freePages, 2)
})
