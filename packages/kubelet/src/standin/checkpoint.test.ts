import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Checkpoint, encodeCheckpoint, parseCheckpoint } from './checkpoint.ts'

const RESOURCE = 'sgx.intel.com/enclave'

const checkpoint: Checkpoint = {
  registered: { [RESOURCE]: ['0', '1'] },
  allocations: [
    { container: 'web', restartable: true, resource: RESOURCE, ids: ['0'], answer: '' },
    { container: 'job', restartable: false, resource: RESOURCE, ids: ['1'], answer: 'AA==' },
  ],
}

test('a checkpoint is read as it was written', () => {
  deepEqual(parseCheckpoint(encodeCheckpoint(checkpoint)), checkpoint)
  const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 63 }), { minLength: 1 })
  fc.assert(
    fc.property(ids, fc.boolean(), (all, restartable) => {
      const some: Checkpoint = {
        registered: { [RESOURCE]: all },
        allocations: [{ container: 'c', restartable, resource: RESOURCE, ids: all, answer: '' }],
      }
      deepEqual(parseCheckpoint(encodeCheckpoint(some)), some)
    }),
  )
})

test('a checkpoint that is cut short anywhere, or has any other character, is refused', () => {
  const text = encodeCheckpoint(checkpoint).trimEnd()
  for (let at = 0; at < text.length; at++) {
    throws(() => parseCheckpoint(text.slice(0, at)), { code: 'ERR_KUBELET_CHECKPOINT' })
    const other = text[at] === '~' ? '!' : '~'
    throws(() => parseCheckpoint(text.slice(0, at) + other + text.slice(at + 1)), {
      code: 'ERR_KUBELET_CHECKPOINT',
    })
  }
})

for (const [what, text, says] of [
  ['another version', '{"version":2,"sha256":"","data":{}}', /version/],
  ['no data', '{"version":1,"sha256":""}', /data/],
  ['an unknown field', encodeCheckpoint(checkpoint).replace('{', '{"more":1,'), /more/],
] as const) {
  test(`a checkpoint with ${what} is refused by name`, () => {
    throws(() => parseCheckpoint(text), { code: 'ERR_KUBELET_CHECKPOINT', message: says })
  })
}

test('a device that two containers hold is refused, whatever the sum says', () => {
  const [first] = checkpoint.allocations
  const twice = { ...checkpoint, allocations: [first, { ...first, container: 'other' }] }
  throws(() => parseCheckpoint(encodeCheckpoint(twice as Checkpoint)), { message: /held twice/ })
})
