import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { preferredDevices } from './preferred-devices.ts'

/** `b3` is on node 1; `x3` on none that is known. */
const nodeOf = (id: string): number | undefined => ({ a: 0, b: 1, c: 2 })[id.charAt(0)]

const ids = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`)

for (const { what, available, mustInclude = [], size, from } of [
  {
    what: 'the fullest node that has enough',
    available: { a: 9, b: 4, c: 2 },
    size: 3,
    from: 'bbb',
  },
  {
    what: 'the node that has exactly enough',
    available: { a: 9, b: 4, c: 3 },
    size: 3,
    from: 'ccc',
  },
  { what: 'as few nodes as possible', available: { a: 2, b: 5, c: 3 }, size: 7, from: 'bbbbbcc' },
  {
    what: 'the node that it is on',
    available: { a: 9, b: 4 },
    mustInclude: ['a0'],
    size: 3,
    from: 'aaa',
  },
  {
    what: 'the node that it is on, as far as it goes',
    available: { a: 2, b: 4 },
    mustInclude: ['a0'],
    size: 4,
    from: 'aabb',
  },
  {
    what: 'devices on no node like a node of their own',
    available: { a: 2, x: 4 },
    size: 4,
    from: 'xxxx',
  },
  {
    what: 'all there are, where there are too few',
    available: { a: 1, b: 1 },
    size: 4,
    from: 'ab',
  },
  { what: 'nothing for nothing', available: { a: 1 }, size: 0, from: '' },
]) {
  test(`a container gets devices of ${what}`, () => {
    const free = Object.entries(available).flatMap(([name, count]) => ids(name, count))
    const chosen = preferredDevices({ available: free, mustInclude, size }, nodeOf)
    equal(chosen.map(id => id.charAt(0)).join(''), from)
    deepEqual(chosen.slice(0, mustInclude.length), mustInclude)
  })
}

test('whatever is free: the right number, each once, what must be, nothing else, and one node if one suffices', () => {
  const device = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'x'), fc.nat(30))
    .map(pair => pair.join(''))
  const choice = fc
    .tuple(fc.uniqueArray(device), fc.nat(6), fc.nat(40))
    .map(([available, held, size]) => ({ available, mustInclude: available.slice(0, held), size }))
  fc.assert(
    fc.property(choice, ({ available, mustInclude, size }) => {
      const chosen = preferredDevices({ available, mustInclude, size }, nodeOf)
      equal(chosen.length, Math.min(size, available.length))
      equal(new Set(chosen).size, chosen.length)
      ok(new Set(chosen).isSubsetOf(new Set(available)))
      ok(mustInclude.slice(0, size).every(id => chosen.includes(id)))
      const byNode = Object.values(Object.groupBy(available, id => id.charAt(0)))
      if (mustInclude.length === 0 && byNode.some(one => (one?.length ?? 0) >= size)) {
        ok(new Set(chosen.map(nodeOf)).size <= 1)
      }
    }),
  )
})

test('half of 65,536 devices are chosen in time linear in them', () => {
  const available = ids('a', 32_768).concat(ids('b', 32_768))
  const chosen = preferredDevices({ available, mustInclude: [], size: 40_000 }, nodeOf)
  equal(chosen.length, 40_000)
})
