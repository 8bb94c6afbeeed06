// For tests: Nodes and their events as an API server keeps them, with merge patches, strategic ones, versions and watches.
import { z } from 'zod'
import { type DeletingKubeApi, KubeApiError, type WatchEvent } from '../src/index.ts'

type Json = Readonly<Record<string, unknown>>

const record = z.record(z.string(), z.unknown())
const Items = z.array(z.looseObject({ type: z.string(), $patch: z.string().optional() }))
const Owners = z.array(z.object({ uid: z.string() }))
const NODES = '/api/v1/nodes'

export class StandInNodes {
  readonly #nodes = new Map<string, Json>()
  /** By path: events, and what a test puts there. */
  readonly #others = new Map<string, Json>()
  readonly #watchers = new Set<(event: WatchEvent) => void>()
  #version = 10
  #uids = 0
  /** Each write that succeeded: `PATCH /api/v1/nodes/n {…}`; of a new event only the reason: `event NoDriver`. */
  readonly writes: string[] = []
  /** Asked with `METHOD path` before each request: the error that it answers is thrown. */
  refuse: (request: string) => KubeApiError | undefined = () => undefined

  readonly api: DeletingKubeApi = {
    get: async (path, schema) => {
      this.#check('GET', path)
      const url = new URL(path, 'https://api')
      const isList = url.pathname === NODES
      return schema.parse(isList ? this.#list(url.searchParams) : this.#stored(url.pathname))
    },
    patch: async (path, patch, schema) => schema.parse(this.#write(path, patch, merged)),
    strategicPatch: async (path, patch, schema) =>
      schema.parse(this.#write(path, patch, strategicallyMerged)),
    create: async (path, object, schema) => {
      this.#check('POST', path)
      const event = record.parse(object)
      this.#others.set(`${path}/${String(metadataOf(event)['name'])}`, event)
      this.writes.push(`event ${String(event['reason'])}`)
      return schema.parse(event)
    },
    delete: async (path, options = {}) => {
      this.#check('DELETE', path)
      const { uid } = metadataOf(this.#stored(path))
      this.#others.delete(path)
      this.writes.push(`DELETE ${path} ${JSON.stringify(options)}`)
      this.#collect(uid)
    },
    watch: (path, _resourceVersion, signal) => {
      const selector = new URL(path, 'https://api').searchParams.get('fieldSelector')
      return watched(this.#watchers, signal, selector?.replace('metadata.name=', ''))
    },
  }

  /** The Node as it is. */
  node(name: string): Json {
    return this.#stored(`${NODES}/${name}`)
  }

  /** Somebody else's: makes or changes a Node by a merge patch. */
  change(name: string, patch: Json): void {
    this.#put(name, merged(this.#nodes.get(name) ?? {}, patch))
  }

  /** Somebody else's: an object that is no Node, at its path. */
  place(path: string, object: Json): void {
    this.#others.set(path, object)
  }

  /** Paths of what there is that is no Node. */
  get others(): readonly string[] {
    return [...this.#others.keys()]
  }

  remove(name: string): void {
    const node = this.node(name)
    this.#nodes.delete(name)
    this.#version++
    this.#tell('DELETED', node)
  }

  /** As the garbage collector does, what an owner that has gone has owned goes. */
  #collect(owner: unknown): void {
    for (const [path, object] of this.#others) {
      const owners = Owners.parse(metadataOf(object)['ownerReferences'] ?? [])
      if (owners.some(({ uid }) => uid === owner)) this.#others.delete(path)
    }
  }

  #check(method: string, path: string): void {
    const error = this.refuse(`${method} ${path}`)
    if (error !== undefined) throw error
  }

  #stored(path: string): Json {
    const isNode = path.startsWith(NODES)
    const object = isNode ? this.#nodes.get(nameOf(path)) : this.#others.get(path)
    if (object === undefined) throw failure(404, `${path}: not found`)
    return object
  }

  #list(query: URLSearchParams): Json {
    const only = query.get('fieldSelector')?.replace('metadata.name=', '')
    const all = [...this.#nodes].filter(([name]) => only === undefined || name === only)
    const from = Number(query.get('continue') ?? '0')
    const end = from + Number(query.get('limit'))
    const items = all.slice(from, end).map(([, node]) => node)
    const metadata = {
      resourceVersion: String(this.#version),
      continue: end < all.length ? String(end) : '',
    }
    return { metadata, items }
  }

  #write(path: string, patch: object, apply: (before: Json, patch: Json) => Json): Json {
    this.#check('PATCH', path)
    const before = this.#stored(path)
    const wanted = record.parse(structuredClone(patch))
    const after = apply(before, wanted)
    if (!path.startsWith(NODES)) {
      this.#others.set(path, after)
      if (metadataOf(wanted)['ownerReferences'] !== undefined) this.writes.push(`PATCH ${path}`)
      return after
    }
    const guard = metadataOf(wanted)['resourceVersion']
    if (guard !== undefined && guard !== metadataOf(before)['resourceVersion']) {
      throw failure(409, `${path}: the object has been modified`)
    }
    this.writes.push(`PATCH ${path} ${JSON.stringify(patch)}`)
    return this.#put(nameOf(path), after)
  }

  #put(name: string, object: Json): Json {
    const before = this.#nodes.get(name)
    const uid = before === undefined ? `uid-${++this.#uids}` : metadataOf(before)['uid']
    const resourceVersion = String(++this.#version)
    const node = { ...object, metadata: { ...metadataOf(object), name, uid, resourceVersion } }
    this.#nodes.set(name, node)
    this.#tell(before === undefined ? 'ADDED' : 'MODIFIED', node)
    return node
  }

  #tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', node: Json): void {
    const uid = String(metadataOf(node)['uid'])
    for (const watcher of this.#watchers) {
      watcher({ type, uid, resourceVersion: String(this.#version), object: node })
    }
  }
}

function nameOf(path: string): string {
  return decodeURIComponent(path.split('/')[4] ?? '')
}

export function failure(status: number, detail: string): KubeApiError {
  return new KubeApiError('ERR_KUBE_STATUS', `HTTP ${status}: ${detail}`, { status })
}

async function* watched(
  watchers: Set<(event: WatchEvent) => void>,
  signal: AbortSignal,
  only: string | undefined,
): AsyncGenerator<WatchEvent> {
  const queue: WatchEvent[] = []
  let wake = Promise.withResolvers<void>()
  const watcher = (event: WatchEvent): void => {
    if ('object' in event) {
      const { name } = metadataOf(record.parse(event.object))
      if (only === undefined || only === name) queue.push(event)
    }
    wake.resolve()
  }
  watchers.add(watcher)
  signal.addEventListener('abort', () => wake.resolve(), { once: true })
  try {
    while (!signal.aborted) {
      for (const event of queue.splice(0)) yield event
      await wake.promise
      wake = Promise.withResolvers()
    }
  } finally {
    watchers.delete(watcher)
  }
}

function metadataOf(object: Json): Json {
  return record.parse(object['metadata'] ?? {})
}

/** RFC 7396. */
function merged(target: Json, patch: Json): Json {
  const result: Record<string, unknown> = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (isObject(value)) result[key] = merged(record.catch({}).parse(result[key]), value)
    else result[key] = value
  }
  return result
}

/** The same, but for the list whose merge key is `type`. */
function strategicallyMerged(target: Json, patch: Json): Json {
  const status = record.parse(patch['status'] ?? {})
  const { conditions, ...rest } = status
  const before = record.parse(target['status'] ?? {})
  const list = Items.parse(before['conditions'] ?? [])
  for (const { $patch, ...item } of Items.parse(conditions ?? [])) {
    const at = list.findIndex(one => one.type === item.type)
    if ($patch === 'delete') {
      if (at >= 0) list.splice(at, 1)
    } else if (at < 0) list.push(item)
    else list[at] = { ...list[at], ...item }
  }
  return merged(target, { ...patch, status: { ...rest, conditions: list } })
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
