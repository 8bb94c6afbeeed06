// Over 300 lines: one stand-in for the API server, and all that can happen to a Node in it.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type KubeApi, KubeApiError, type WatchEvent } from '@alcove/kube-api'
import { NodeKeeper, type NodeKeeperDeps } from './node-keeper.ts'
import type { Wanted } from './node-plan.ts'

const EPC = 'sgx.intel.com/epc'
const TAINT = 'startup-taint.cluster-autoscaler.kubernetes.io/sgx'

interface StoredNode {
  metadata: { name: string; uid: string; resourceVersion: string; managedFields?: object[] }
  spec: { taints: object[] }
  status: { capacity: Record<string, string>; allocatable: Record<string, string> }
}

/** As the API server writes a quantity: 131072000 becomes `131072k`. */
function canonical(value: string): string {
  return /^[1-9]\d*000$/.test(value) ? `${value.slice(0, -3)}k` : value
}

/** An API server with one node and its pods, which notes what is asked of it. */
class FakeApi implements KubeApi {
  node: StoredNode | undefined = this.#fresh('first')
  pods: object[] = []
  /** How the next patch is refused, if it is. */
  refusal: KubeApiError | undefined
  readonly patches: object[] = []
  readonly events: { reason: string; message: string }[] = []
  #version = 1
  readonly #watchers = new Set<{ nodes: boolean; wake: () => void; queue: WatchEvent[] }>()

  #fresh(uid: string): StoredNode {
    return {
      metadata: { name: 'n', uid, resourceVersion: '1' },
      spec: { taints: [] },
      status: { capacity: { cpu: '2' }, allocatable: { cpu: '2' } },
    }
  }

  /** Somebody else changes the node. */
  change(change: (node: StoredNode) => void): void {
    const node = this.node ?? this.#fresh('none')
    change(node)
    this.#publish(node)
  }

  recreate(): void {
    const old = this.node
    if (old !== undefined) this.#tell(true, 'DELETED', old)
    this.node = this.#fresh('second')
    this.#publish(this.node, 'ADDED')
  }

  setPods(pods: { name: string; epc: string }[]): void {
    for (const pod of this.pods) this.#tell(false, 'DELETED', pod)
    this.pods = pods.map(({ name, epc }) => ({
      metadata: { uid: name, name, namespace: 'ns', resourceVersion: '1' },
      spec: { containers: [{ name: 'c', resources: { requests: { [EPC]: epc } } }] },
      status: { phase: 'Running' },
    }))
    for (const pod of this.pods) this.#tell(false, 'ADDED', pod)
  }

  #publish(node: StoredNode, type: 'ADDED' | 'MODIFIED' = 'MODIFIED'): void {
    this.#version += 1
    node.metadata.resourceVersion = String(this.#version)
    this.#tell(true, type, node)
  }

  #tell(nodes: boolean, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: object): void {
    const { metadata } = object as { metadata: { uid: string; resourceVersion: string } }
    for (const watcher of this.#watchers) {
      if (watcher.nodes !== nodes) continue
      const copy = structuredClone(object)
      watcher.queue.push({
        type,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        object: copy,
      })
      watcher.wake()
    }
  }

  get: KubeApi['get'] = async (path, schema) => {
    if (path.includes('/events/')) {
      throw new KubeApiError('ERR_KUBE_STATUS', 'none', { status: 404 })
    }
    const items = path.startsWith('/api/v1/nodes?') ? [this.node].filter(Boolean) : this.pods
    return schema.parse({ metadata: { resourceVersion: String(this.#version) }, items })
  }

  patch: KubeApi['patch'] = async (path, patch, schema) => {
    if (this.refusal !== undefined) {
      const { refusal } = this
      this.refusal = undefined
      throw refusal
    }
    const node = this.node ?? this.#fresh('none')
    this.patches.push({ [path]: patch })
    const { status, spec } = patch as {
      status?: Record<'capacity' | 'allocatable', Record<string, string | null>>
      spec?: { taints: object[] }
    }
    for (const [list, values] of Object.entries(status ?? {})) {
      const into = list === 'capacity' ? node.status.capacity : node.status.allocatable
      for (const [key, value] of Object.entries(values)) {
        if (value === null) delete into[key]
        else into[key] = canonical(value)
      }
    }
    if (spec !== undefined) node.spec = spec
    this.#publish(node)
    return schema.parse(structuredClone(node))
  }

  create: KubeApi['create'] = async (_path, object, schema) => {
    this.events.push(object as { reason: string; message: string })
    return schema.parse({})
  }

  watch: KubeApi['watch'] = async function* (this: FakeApi, path, _version, signal) {
    const watcher = {
      nodes: path.startsWith('/api/v1/nodes'),
      wake: (): void => undefined,
      queue: [] as WatchEvent[],
    }
    this.#watchers.add(watcher)
    try {
      while (!signal.aborted) {
        yield* watcher.queue.splice(0)
        const { promise, resolve } = Promise.withResolvers<void>()
        watcher.wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        if (watcher.queue.length === 0) await promise
      }
    } finally {
      this.#watchers.delete(watcher)
    }
  }
}

async function withKeeper(
  story: (parts: { api: FakeApi; keeper: NodeKeeper; lines: string[] }) => Promise<void>,
  deps: Partial<NodeKeeperDeps> & { readonly prepare?: (api: FakeApi) => void } = {},
): Promise<void> {
  const api = new FakeApi()
  deps.prepare?.(api)
  const lines: string[] = []
  const note =
    (level: string) =>
    (event: string, fields: object = {}): void =>
      void lines.push(`${level} ${event} ${JSON.stringify(fields)}`)
  await using keeper = NodeKeeper.start({
    api: Object.assign(api, { watch: api.watch.bind(api) }),
    nodeName: 'n',
    startupTaint: TAINT,
    formerResources: [],
    wanted: () => ({ kind: 'epc', bytes: 100n }),
    streaming: () => true,
    superseded: () => false,
    resource: EPC,
    needed: [EPC],
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    signal: new AbortController().signal,
    timing: { goneMs: 50, firstBackOffMs: 10, lastBackOffMs: 40, quietMs: 500 },
    ...deps,
  })
  await story({ api, keeper, lines })
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    ok(waited < 5_000, `${what}: not within 5 s`)
    await sleep(5)
  }
}

const capacity = (api: FakeApi): string | undefined => api.node?.status.capacity[EPC]

test('EPC is published at once, in capacity and in allocatable, and nothing else is touched', async () => {
  await withKeeper(async ({ api, keeper }) => {
    ok(keeper.notPublished(true)?.includes(EPC))
    await until('published', () => capacity(api) === '100')
    await until('seen', () => keeper.notPublished(true) === undefined)
    deepEqual(api.node?.status, {
      capacity: { cpu: '2', [EPC]: '100' },
      allocatable: { cpu: '2', [EPC]: '100' },
    })
    await sleep(30)
    equal(api.patches.length, 1)
  })
})

test('what another writes is put right, it is told who, and a persistent one is met with patience', async () => {
  await withKeeper(async ({ api, keeper, lines }) => {
    await until('published', () => capacity(api) === '100')
    const started = performance.now()
    for (let times = 0; times < 5; times++) {
      api.change(({ metadata, status }) => {
        metadata.managedFields = [
          {
            manager: 'nfd-master',
            time: '2026-11-25T00:00:00Z',
            fieldsV1: { 'f:status': { 'f:capacity': { [`f:${EPC}`]: {} } } },
          },
        ]
        status.capacity[EPC] = '0'
      })
      await until('put right', () => capacity(api) === '100')
    }
    ok(performance.now() - started >= 10 + 20 + 40 + 40 - 4, 'the later ones wait')
    await until('counted', () => keeper.overwrites === 5)
    equal(api.events[0]?.reason, 'EpcOverwritten')
    match(api.events[0]?.message ?? '', /was set to 0 by nfd-master; put back to 100/)
    equal(lines.filter(line => line.includes('EPC overwritten')).length, 5)
  })
})

test('a figure that the API server writes in another form is right, and is written once', async () => {
  await withKeeper(
    async ({ api, keeper }) => {
      await until('published', () => capacity(api) === '131072k')
      await until('seen', () => keeper.notPublished(true) === undefined)
      await sleep(50)
      equal(api.patches.length, 1)
      equal(keeper.overwrites, 0)
    },
    { wanted: () => ({ kind: 'epc', bytes: 131_072_000n }) },
  )
})

test('an instance that a newer one has taken over from writes nothing', async () => {
  await withKeeper(
    async ({ api }) => {
      await sleep(60)
      deepEqual(api.patches, [])
    },
    { superseded: () => true },
  )
})

test('a node of which nothing is left to publish is no reason not to be ready', async () => {
  await withKeeper(
    async ({ keeper }) => {
      await until('looked', () => keeper.notPublished(true) === undefined)
    },
    { wanted: () => ({ kind: 'none' }) },
  )
})

test('a node that was deleted and is there again gets its EPC, and nobody is blamed', async () => {
  await withKeeper(async ({ api, keeper }) => {
    await until('published', () => capacity(api) === '100')
    api.recreate()
    await until('published again', () => capacity(api) === '100')
    equal(keeper.overwrites, 0)
    deepEqual(api.events, [])
  })
})

test('EPC that is gone leaves the node when no pod holds it any more, and not for a moment’s sake', async () => {
  let wanted: Wanted = { kind: 'epc', bytes: 100n }
  await withKeeper(
    async ({ api, keeper }) => {
      await until('published', () => capacity(api) === '100')
      wanted = { kind: 'none' }
      keeper.look()
      await sleep(20)
      wanted = { kind: 'epc', bytes: 100n }
      keeper.look()
      await sleep(60)
      equal(capacity(api), '100', 'gone for a moment')
      api.setPods([{ name: 'p', epc: '10' }])
      wanted = { kind: 'none' }
      keeper.look()
      await sleep(80)
      equal(capacity(api), '100', 'held')
      api.change(({ status }) => {
        status.capacity[EPC] = '0'
      })
      await until('as much as is held', () => capacity(api) === '10')
      api.setPods([])
      await until('gone', () => capacity(api) === undefined)
      equal(api.node?.status.allocatable[EPC], undefined)
    },
    { wanted: () => wanted },
  )
})

test('a plugin that starts on a node without EPC changes nothing on it', async () => {
  await withKeeper(
    async ({ api }) => {
      await sleep(100)
      deepEqual(api.patches, [])
    },
    { wanted: () => ({ kind: 'none' }) },
  )
})

test('the startup taint goes once EPC can be had, and only where nobody changed the node meanwhile', async () => {
  const spot = { key: 'spot', effect: 'NoSchedule' }
  let streaming = false
  await withKeeper(
    async ({ api, keeper }) => {
      await until('published', () => capacity(api) === '100')
      equal(api.node?.spec.taints.length, 2, 'not before the kubelet gives devices')
      streaming = true
      keeper.look()
      await until('taken off', () => api.node?.spec.taints.length === 1)
      deepEqual(api.node?.spec.taints, [spot])
      const [, taken] = api.patches
      deepEqual(taken, {
        '/api/v1/nodes/n?fieldManager=alcove-device-plugin': {
          metadata: { resourceVersion: '2' },
          spec: { taints: [spot] },
        },
      })
    },
    {
      streaming: () => streaming,
      prepare: api => {
        api.node?.spec.taints.push(spot, { key: TAINT, value: 'pending', effect: 'NoSchedule' })
      },
    },
  )
})

test('a refusal is told once, and tried again', async () => {
  await withKeeper(
    async ({ api, lines }) => {
      await until('published', () => capacity(api) === '100')
      const told = lines.filter(line => line.startsWith('warn node not written'))
      deepEqual(told, ['warn node not written {"reason":"forbidden"}'])
    },
    {
      prepare: api => {
        api.refusal = new KubeApiError('ERR_KUBE_STATUS', 'forbidden', { status: 403 })
      },
    },
  )
})
