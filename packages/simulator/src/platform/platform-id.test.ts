import { equal, match, notEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { isPlatformId, platformIdOf } from '../index.ts'

test('a node’s name is its platform’s id where it may be, so that an engineer knows it again', () => {
  for (const name of ['sgx-a', 'aks-acc-12345678-vmss000000', 'a'.repeat(63)]) {
    equal(platformIdOf(name), name)
  }
})

test('any other node name becomes an id of its own, the same each time', () => {
  const names = ['node.example.com', 'node-example-com.', 'a'.repeat(253), 'Node', '.', '--', 'é']
  const ids = names.map(platformIdOf)
  for (const id of ids) ok(isPlatformId(id), id)
  equal(new Set(ids).size, names.length)
  equal(platformIdOf('node.example.com'), ids[0])
  match(ids[0] ?? '', /^node-example-com-[0-9a-f]{12}$/)
  notEqual(platformIdOf(`${'a'.repeat(252)}b`), ids[2])
})
