import { setTimeout as delay } from 'node:timers/promises'
import {
  followCollection,
  KubeApiError,
  recordNodeEvent,
  type StrategicKubeApi,
} from '@alcove/kube-api'
import type { Log } from '@alcove/process'
import { SGX_CAPABLE } from './names.ts'
import { NodeObject } from './node-object.ts'
import { isNothing, type NodePlan, planNode } from './node-plan.ts'
import type { Verdict } from './verdict.ts'

export type NodeApi = StrategicKubeApi

export interface NodeKeeperDeps {
  readonly api: NodeApi
  readonly nodeName: string
  readonly log: Log
  readonly signal: AbortSignal
  /** How long a node is incapable before its labels go. */
  readonly graceMs: number
  /** After a write, before the next one; doubles up to a minute while there is always more to write. */
  readonly firstPauseMs: number
}

const LAST_PAUSE_MS = 60_000
/** Without a write for so long, whoever undid the last one has given up. */
const QUIET_MS = 2 * LAST_PAUSE_MS
const CONFLICT = 409
const COMPONENT = 'alcove-discovery'

/** Keeps the Node object as the last verdict says, whoever changes it; writes only where something differs. */
export class NodeKeeper {
  readonly #deps: NodeKeeperDeps
  readonly #path: string
  #node: NodeObject | undefined
  #verdict: Verdict | undefined
  #incapableSince: number | undefined
  #pauseMs: number
  #wroteAt = Number.NEGATIVE_INFINITY
  #told: string | undefined
  #notReady: string | undefined = 'the Node has not been seen yet'
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(deps: NodeKeeperDeps) {
    this.#deps = deps
    this.#path = `/api/v1/nodes/${encodeURIComponent(deps.nodeName)}`
    this.#pauseMs = deps.firstPauseMs
    deps.signal.addEventListener('abort', () => this.#wake.resolve(), { once: true })
  }

  /** Why the Node has never been as it should be; `undefined` once it was. */
  get notReady(): string | undefined {
    return this.#notReady
  }

  /** What the node was found to be; of the same again nothing follows but that time passes. */
  found(verdict: Verdict): void {
    if (verdict.capable === false) this.#incapableSince ??= performance.now()
    else this.#incapableSince = undefined
    const before = this.#verdict
    if (before?.message !== verdict.message) {
      const { capable, message } = verdict
      this.#deps.log[capable === true ? 'info' : 'warn']('node looked at', { capable, message })
    }
    this.#verdict = verdict
    this.#wake.resolve()
  }

  /** Why there is no verdict. */
  unread(reason: string): void {
    if (this.#notReady !== undefined) this.#notReady = reason
  }

  /** Until the signal aborts. */
  async run(): Promise<void> {
    await Promise.all([this.#follow(), this.#keep()])
  }

  #follow(): Promise<void> {
    const { api, nodeName, log, signal } = this.#deps
    const selector = new URLSearchParams({ fieldSelector: `metadata.name=${nodeName}` })
    return followCollection({
      api,
      path: `/api/v1/nodes?${selector}`,
      schema: NodeObject,
      onChange: nodes => {
        this.#node = nodes.values().next().value
        this.#wake.resolve()
      },
      onFailure: reason => {
        log.warn('own Node is not followed', { reason })
        if (this.#notReady !== undefined) this.#notReady = reason
      },
      signal,
    })
  }

  async #keep(): Promise<void> {
    const { signal, firstPauseMs } = this.#deps
    while (!signal.aborted) {
      await this.#wake.promise
      this.#wake = Promise.withResolvers()
      if (signal.aborted) return
      if (this.#plan(this.#node) === undefined) continue
      if (performance.now() - this.#wroteAt > QUIET_MS) this.#pauseMs = firstPauseMs
      const pauseMs = this.#pauseMs
      await this.#bring()
      this.#wroteAt = performance.now()
      this.#pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
      this.#wake.resolve() // more may be due, or again
      if (signal.aborted) return
    }
  }

  /** What is to be done, or `undefined`. */
  #plan(node: NodeObject | undefined): NodePlan | undefined {
    if (node === undefined || this.#verdict === undefined) return undefined
    const since = this.#incapableSince
    const labelsMayGo = since !== undefined && performance.now() - since >= this.#deps.graceMs
    const plan = planNode(node, this.#verdict, { at: new Date(), labelsMayGo })
    if (!isNothing(plan)) return plan
    this.#notReady = undefined
    return undefined
  }

  /** One attempt, on the Node of now: what is followed may be a moment old, and an event would be told twice. */
  async #bring(): Promise<void> {
    const { api, log, signal } = this.#deps
    try {
      this.#node = await this.#written(await api.get(this.#path, NodeObject, signal))
      this.#plan(this.#node)
      this.#told = undefined
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof KubeApiError)) throw error
      if (error.status === CONFLICT) return
      if (this.#notReady !== undefined) this.#notReady = error.message
      if (this.#told !== error.message) log.warn('Node not written', { reason: error.message })
      this.#told = error.message
    }
  }

  /** Answers the Node as it is then. Conditions first: of two writes one may be refused, and they are what explains the node. */
  async #written(before: NodeObject): Promise<NodeObject> {
    const { api, log, signal } = this.#deps
    let node = before
    const first = this.#plan(node)
    if (first !== undefined && first.conditions.length > 0) {
      const patch = { status: { conditions: first.conditions } }
      node = await api.strategicPatch(`${this.#path}/status`, patch, NodeObject, signal)
      this.#tellConditions(first)
      await this.#tellEvents(before, first)
    }
    const { labels, annotations } = this.#plan(node) ?? {}
    if (labels === undefined || size(labels) + size(annotations) === 0) return node
    // of this version only: a label that somebody else has just put there would be taken for ours
    const { resourceVersion } = node.metadata
    const patch = { metadata: { resourceVersion, labels, annotations } }
    node = await api.patch(this.#path, patch, NodeObject, signal)
    log.info('labels written', { labels })
    return node
  }

  /** The one that sums up was logged when it was found. */
  #tellConditions({ conditions }: NodePlan): void {
    const { log } = this.#deps
    for (const one of conditions) {
      if ('$patch' in one) {
        log.info('condition removed', { type: one.type })
        continue
      }
      const { type, reason, message } = one
      if (type !== SGX_CAPABLE) log.warn('condition written', { type, reason, message })
    }
  }

  /** What is told is in the conditions too: an event that cannot be recorded is lost, and holds nothing up. */
  async #tellEvents({ metadata }: NodeObject, { events }: NodePlan): Promise<void> {
    const { api, log, signal } = this.#deps
    const node = { name: metadata.name, uid: metadata.uid }
    for (const event of events) {
      try {
        await recordNodeEvent(api, { ...event, node, component: COMPONENT }, new Date(), signal)
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error
        log.warn('event not recorded', { reason: error.message })
        return
      }
    }
  }
}

function size(record: object = {}): number {
  return Object.keys(record).length
}
