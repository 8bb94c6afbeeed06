import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { followCollection, type KubeApi, KubeApiError, type WatchEvent } from './index.ts'

const Named = z.object({ metadata: z.object({ name: z.string() }) })
const named = (uid: string, name: string, resourceVersion = '1') => ({
  metadata: { uid, name, resourceVersion },
  spec: { left: 'out' },
})
const page = (items: readonly object[], next = '') => ({
  metadata: { resourceVersion: '5', continue: next },
  items,
})

interface Script {
  /** What each list answers, in turn. */
  readonly lists: readonly (object | KubeApiError)[]
  /** What each watch tells before it ends; an error is thrown. The last one stays open. */
  readonly watches: readonly (readonly (WatchEvent | KubeApiError)[])[]
}

/** Follows a server that goes by a script, until `enough` changes were seen; answers what was seen and asked. */
async function followed({ lists, watches }: Script, enough: number) {
  const stop = new AbortController()
  const asked: string[] = []
  const seen: string[][] = []
  const failures: string[] = []
  let listed = 0
  let watched = 0
  const api: Pick<KubeApi, 'get' | 'watch'> = {
    get: async (path, schema) => {
      asked.push(`list ${path}`)
      const answer = lists[listed++] ?? lists.at(-1)
      if (answer instanceof Error) throw answer
      return schema.parse(answer)
    },
    watch: async function* (_path, resourceVersion) {
      asked.push(`watch from ${resourceVersion}`)
      for (const event of watches[watched++] ?? []) {
        if (event instanceof Error) throw event
        yield event
      }
    },
  }
  await followCollection({
    api,
    path: '/api/v1/pods?fieldSelector=x',
    schema: Named,
    onChange: objects => {
      seen.push([...objects.values()].map(({ metadata }) => metadata.name))
      if (seen.length >= enough) stop.abort()
    },
    onFailure: reason => void failures.push(reason),
    signal: stop.signal,
    firstRetryMs: 1,
  })
  return { seen, asked, failures }
}

const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', uid: string, name: string, at: string) => ({
  type,
  uid,
  resourceVersion: at,
  object: named(uid, name, at),
})

test('a list of several pages is one collection, and events change it', async () => {
  const { seen, asked, failures } = await followed(
    {
      lists: [page([named('1', 'a')], 'more'), page([named('2', 'b')])],
      watches: [
        [
          event('ADDED', '3', 'c', '6'),
          { type: 'BOOKMARK', resourceVersion: '8' },
          event('MODIFIED', '1', 'A', '9'),
          event('DELETED', '2', 'b', '10'),
        ],
      ],
    },
    4,
  )
  deepEqual(seen, [
    ['a', 'b'],
    ['a', 'b', 'c'],
    ['A', 'b', 'c'],
    ['A', 'c'],
  ])
  deepEqual(asked.slice(0, 3), [
    'list /api/v1/pods?fieldSelector=x&limit=100',
    'list /api/v1/pods?fieldSelector=x&limit=100&continue=more',
    'watch from 5',
  ])
  deepEqual(failures, [])
})

test('a page that would be too large is asked for in smaller ones', async () => {
  const large = new KubeApiError('ERR_KUBE_ANSWER', 'too large', { tooLarge: true })
  const { seen, asked } = await followed(
    { lists: [large, large, page([named('1', 'a')])], watches: [[]] },
    1,
  )
  deepEqual(seen, [['a']])
  deepEqual(
    asked.slice(0, 3).map(line => /limit=(\d+)/.exec(line)?.[1]),
    ['100', '13', '2'],
  )
})

test('a watch that the server ends goes on from the last version, a bookmark’s too', async () => {
  const { asked } = await followed(
    {
      lists: [page([])],
      watches: [[{ type: 'BOOKMARK', resourceVersion: '7' }], [event('ADDED', '1', 'a', '8')]],
    },
    2,
  )
  deepEqual(asked.slice(1), ['watch from 5', 'watch from 7'])
})

test('a version that is too old is listed anew, without a word', async () => {
  const gone = new KubeApiError('ERR_KUBE_STATUS', 'too old', { status: 410 })
  const { seen, failures } = await followed(
    { lists: [page([named('1', 'a')]), page([named('2', 'b')])], watches: [[gone], []] },
    2,
  )
  deepEqual(seen, [['a'], ['b']])
  deepEqual(failures, [])
})

test('a server that is away is asked again; each reason is told once', async () => {
  const away = new KubeApiError('ERR_KUBE_UNREACHABLE', 'away')
  const { seen, failures } = await followed(
    { lists: [away, away, page([named('1', 'a')])], watches: [[]] },
    1,
  )
  deepEqual(seen, [['a']])
  deepEqual(failures, ['away'])
})

test('an object that is not as the schema says does not end the following', async () => {
  const broken = { ...event('ADDED', '1', 'a', '6'), object: { metadata: { uid: '1' } } }
  const { failures } = await followed(
    { lists: [page([])], watches: [[broken], [event('ADDED', '2', 'b', '7')]] },
    3,
  )
  equal(failures.length, 1)
})
