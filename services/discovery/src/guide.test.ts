import { deepEqual } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { COUNTED_RESOURCES, SGX_LABELS } from './names.ts'
import { REASONS } from './verdict.ts'

const page = join(import.meta.dirname, '../../../docs/guides/capable-nodes.md')
const guide = await readFile(page, 'utf8')

test('the guide has every condition with its reason, and every label', () => {
  const conditions = guide.matchAll(/^\| `alcove\.dev\/([\w-]+)` \| `(\w+)` \|/gm)
  deepEqual(
    Array.from(conditions, ([, name, reason]) => [name, reason]),
    Object.entries(REASONS),
  )
  const labels = guide.matchAll(/^\| `([\w./-]+)=(\w+)` \|/gm)
  deepEqual(
    Array.from(labels, ([, key, value]) => [key, value]),
    Object.entries(SGX_LABELS),
  )
  const missing = COUNTED_RESOURCES.filter(resource => !guide.includes(`\`${resource}\``))
  deepEqual(missing, [])
})
