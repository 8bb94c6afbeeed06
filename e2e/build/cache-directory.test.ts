import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { cacheDirectory } from './cache-directory.ts'

test('the cache is under XDG_CACHE_HOME, or under ~/.cache where that is unset, empty or relative', () => {
  equal(cacheDirectory({ XDG_CACHE_HOME: '/c', HOME: '/root' }), '/c/alcove/e2e')
  for (const XDG_CACHE_HOME of [undefined, '', 'c'])
    equal(cacheDirectory({ XDG_CACHE_HOME, HOME: '/root' }), '/root/.cache/alcove/e2e')
})
