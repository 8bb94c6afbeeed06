import { setTimeout as delay } from 'node:timers/promises'
import { type DeletingKubeApi, KubeApiError, listCollection } from '@alcove/kube-api'
import { Exit, UsageError } from '../exit.ts'
import { jsonText } from '../plain-text.ts'
import { type CountedResource, planSweep, SweptNode } from './sweep-node.ts'
import { type Rights, removalText, removeRights, rightsOf } from './sweep-rights.ts'

export interface SweepOptions {
  /** Key of the taint. */
  readonly startupTaint: string
  /** In seconds. */
  readonly timeout: string
  readonly output: string
  /** Name of the ServiceAccount, ClusterRole and ClusterRoleBinding to take away at the end, as nothing else does. */
  readonly removeRights?: string
  /** Of that ServiceAccount. */
  readonly namespace?: string
}

export interface SweepDeps {
  readonly api: Pick<DeletingKubeApi, 'get' | 'patch' | 'strategicPatch' | 'delete'>
  readonly print: (text: string) => void
  readonly stop: AbortSignal
  /** Set where a test cannot wait. */
  readonly lookMs?: number
  readonly othersAfterMs?: number
}

const NODES = '/api/v1/nodes'
const LOOK_MS = 10_000
/** A kubelet gives up a resource 300 s after its plugin, and says so in its next status: what is there then has a plugin. */
const OTHERS_AFTER_MS = 330_000
const MOST_CONFLICTS = 5
const CONFLICT = 409
const NOT_FOUND = 404

interface Left extends CountedResource {
  readonly node: string
}

/**
 * `alcove sweep`: takes away what Alcove has written on any Node, as the last step of an uninstall. Looks again until a look finds
 * nothing, since daemons that were just told to end may have written once more, and kubelets keep what they count for 5 minutes.
 *
 * Its own rights, where they are named, it takes away when nothing is left, and only then: another try needs them.
 *
 * @returns 0 where nothing of Alcove's is left, 1 where something was left when the time was over
 * @throws {KubeApiError} where the API server does not let it (401, 403), or there are no credentials
 */
export async function sweepCommand(options: SweepOptions, deps: SweepDeps): Promise<number> {
  const rights = rightsOf(options.removeRights, options.namespace)
  if (rights === undefined) return sweepNodes(options, deps)
  const { stop, lookMs = LOOK_MS } = deps
  let code: number = Exit.failed
  try {
    code = await sweepNodes(options, deps)
    if (code === Exit.ok) await removeRights(rights, { api: deps.api, stop, retryMs: lookMs })
  } catch (error) {
    tellRights(rights, options, deps)
    throw error
  }
  if (code !== Exit.ok) tellRights(rights, options, deps)
  return code
}

function tellRights(rights: Rights, { output }: SweepOptions, { print }: SweepDeps): void {
  if (output !== 'json') print(removalText(rights))
}

async function sweepNodes(options: SweepOptions, deps: SweepDeps): Promise<number> {
  const { stop, lookMs = LOOK_MS } = deps
  const end = performance.now() + timeoutMs(options.timeout)
  const sweep = new Sweep(options, deps)
  for (;;) {
    const isClean = await sweep.look()
    const leftMs = end - performance.now()
    if (isClean || leftMs <= 0) break
    await delay(Math.min(lookMs, leftMs), undefined, { signal: stop }).catch(() => undefined)
    stop.throwIfAborted()
  }
  return sweep.conclude()
}

class Sweep {
  readonly #options: SweepOptions
  readonly #deps: SweepDeps
  /** When a resource of a node was first seen to be counted, by uid and resource. */
  readonly #since = new Map<string, number>()
  readonly #told = new Set<string>()
  readonly #removed = new Map<string, Set<string>>()
  #nodes = 0
  #left: Left[] = []
  #others: Left[] = []
  #failures: string[] = []

  constructor(options: SweepOptions, deps: SweepDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** Whether there was nothing to remove, nor is anything to be waited for. */
  async look(): Promise<boolean> {
    const { api, stop } = this.#deps
    this.#left = []
    this.#others = []
    this.#failures = []
    let changed = false
    const nodes = await this.#attempt('nodes', () =>
      listCollection({ api, path: NODES, schema: SweptNode, signal: stop }),
    )
    if (nodes === undefined) return false
    this.#nodes = nodes.objects.size
    for (const node of nodes.objects.values()) {
      const { name } = node.metadata
      if (await this.#attempt(name, () => this.#sweepNode(node))) changed = true
    }
    return !changed && this.#left.length + this.#failures.length === 0
  }

  conclude(): number {
    const isSwept = this.#left.length + this.#failures.length === 0
    const { output, timeout } = this.#options
    if (output === 'json') {
      const removed = Array.from(this.#removed, ([node, what]) => ({ node, what: [...what] }))
      const parts = { left: this.#left, others: this.#others, failures: this.#failures }
      const told = { swept: isSwept, nodes: this.#nodes, removed, ...parts }
      this.#deps.print(jsonText(told))
    } else if (isSwept) {
      this.#deps.print(`swept: nothing of Alcove’s is left on ${count(this.#nodes)}`)
    } else {
      this.#deps.print(`not swept within ${timeout} s; run it again. Left:`)
      for (const left of this.#left) this.#deps.print(`  ${resourceText(left)}`)
      for (const failure of this.#failures) this.#deps.print(`  ${failure}`)
    }
    return isSwept ? Exit.ok : Exit.failed
  }

  /** Answers whether something was removed. */
  async #sweepNode(listed: SweptNode): Promise<boolean> {
    const { name } = listed.metadata
    const path = `${NODES}/${encodeURIComponent(name)}`
    const { api, stop } = this.#deps
    let node = listed
    for (let conflicts = 0; ; conflicts++) {
      try {
        const plan = planSweep(node, this.#options.startupTaint)
        await this.#write(path, node, plan)
        this.#noteCounted(node, plan.counted)
        if (plan.removed.length > 0) this.#noteRemoved(name, plan.removed)
        return plan.removed.length > 0
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error
        if (error.status === NOT_FOUND) return false // the node has gone, with all it had
        if (error.status !== CONFLICT || conflicts === MOST_CONFLICTS) throw error
      }
      node = await api.get(path, SweptNode, stop)
    }
  }

  /** Each patch is of the version that it was made from: a taint that somebody adds meanwhile stays. */
  async #write(
    path: string,
    node: SweptNode,
    { object, status }: ReturnType<typeof planSweep>,
  ): Promise<void> {
    const { api, stop } = this.#deps
    let { resourceVersion } = node.metadata
    if (object !== undefined) {
      const patch = withVersion(object, resourceVersion)
      const after = await api.patch(path, patch, SweptNode, stop)
      resourceVersion = after.metadata.resourceVersion
    }
    if (status !== undefined) {
      const patch = withVersion(status, resourceVersion)
      await api.strategicPatch(`${path}/status`, patch, SweptNode, stop)
    }
  }

  #noteRemoved(name: string, removed: readonly string[]): void {
    const before = this.#removed.get(name) ?? new Set()
    this.#removed.set(name, before.union(new Set(removed)))
    this.#say(`${name}: removed ${removed.join(', ')}`)
  }

  #noteCounted({ metadata: { name, uid } }: SweptNode, counted: readonly CountedResource[]): void {
    const now = performance.now()
    const keyOf = (resource: string) => `${uid} ${resource}`
    const keys = new Set(counted.map(({ resource }) => keyOf(resource)))
    for (const key of this.#since.keys()) {
      if (key.startsWith(`${uid} `) && !keys.has(key)) this.#since.delete(key)
    }
    for (const { resource, quantity } of counted) {
      const since = this.#since.get(keyOf(resource)) ?? now
      this.#since.set(keyOf(resource), since)
      const isOthers = now - since >= (this.#deps.othersAfterMs ?? OTHERS_AFTER_MS)
      const left = { node: name, resource, quantity }
      if (isOthers) this.#others.push(left)
      else this.#left.push(left)
      this.#sayOnce(
        isOthers
          ? `${resourceText(left)} is kept by a device plugin that runs there, another than Alcove’s: left alone`
          : `${resourceText(left)} is its kubelet’s until 5 minutes after the plugin’s end; waiting`,
      )
    }
  }

  /** What fails is tried again with the next look; what is refused for want of rights is not. */
  async #attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof KubeApiError) || isFinal(error)) throw error
      this.#failures.push(`${what}: ${error.message}`)
      this.#sayOnce(`${what}: ${error.message}; trying again`)
      return undefined
    }
  }

  #sayOnce(line: string): void {
    if (this.#told.has(line)) return
    this.#told.add(line)
    this.#say(line)
  }

  /** Progress, for a person. */
  #say(line: string): void {
    if (this.#options.output !== 'json') this.#deps.print(line)
  }
}

function isFinal({ code, status }: KubeApiError): boolean {
  return code === 'ERR_KUBE_CREDENTIALS' || status === 401 || status === 403
}

function withVersion(patch: object, resourceVersion: string): object {
  const metadata = 'metadata' in patch && patch.metadata instanceof Object ? patch.metadata : {}
  return { ...patch, metadata: { ...metadata, resourceVersion } }
}

function resourceText({ node, resource, quantity }: Left): string {
  return `${node}: ${resource} (${quantity})`
}

function count(nodes: number): string {
  return nodes === 1 ? '1 node' : `${nodes} nodes`
}

const MOST_SECONDS = 86_400

function timeoutMs(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= MOST_SECONDS) return seconds * 1_000
  throw new UsageError(`--timeout: want seconds from 0 to ${MOST_SECONDS}, got '${text}'`)
}
