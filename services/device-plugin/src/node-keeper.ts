// Over 300 lines: what is written on a Node, taken back and kept from other writers is one conversation with the API server.
import { followCollection, type KubeApi, KubeApiError, recordNodeEvent } from '@alcove/kube-api'
import type { Log } from '@alcove/process'
import { type NodeObject, nodeObject, otherWriter, quantityIn } from './node-object.ts'
import { isEpc, type Plan, planNode, type Wanted } from './node-plan.ts'
import { type PodEpc, type PodSpec, podEpc, podSpec, sumOf } from './pod-epc.ts'
import { EPC_BYTES_RESOURCE } from './resource-names.ts'

export interface NodeKeeperDeps {
  readonly api: KubeApi
  readonly nodeName: string
  readonly startupTaint: string
  /** Resources of the mode that this node is not in. */
  readonly formerResources: readonly string[]
  /** What the node is to offer, given the bytes that its pods hold as devices. */
  readonly wanted: (asDevices: bigint) => Wanted
  /** Whether the kubelet gives the devices to pods that ask for them. */
  readonly streaming: () => boolean
  /** Whether a newer instance of the plugin has taken over: what is to be written is that one's to say. */
  readonly superseded: () => boolean
  /** The resource that pods ask for EPC by, in this node's mode. */
  readonly resource: string
  /** What has to be allocatable for a pod with EPC to run. */
  readonly needed: readonly string[]
  readonly log: Log
  readonly signal: AbortSignal
  readonly timing?: Partial<KeeperTiming>
}

export interface KeeperTiming {
  /** How long there has to be no EPC before what pods do not hold is taken from the node: a driver that is loaded anew is gone for a moment. */
  readonly goneMs: number
  /** Before the second of two writes that somebody else undid, and again twice that before the next. */
  readonly firstBackOffMs: number
  readonly lastBackOffMs: number
  /** How long nobody may have written before back-off begins anew. */
  readonly quietMs: number
}

const usual: KeeperTiming = {
  goneMs: 30_000,
  firstBackOffMs: 100,
  lastBackOffMs: 10_000,
  quietMs: 60_000,
}

const COMPONENT = 'alcove-device-plugin'
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

/**
 * Keeps the node's object as the plan says: EPC in bytes in its capacity, the startup taint off once EPC can be had. It follows
 * its own Node and the node's pods by watches, and asks nothing while nothing happens.
 */
export class NodeKeeper implements AsyncDisposable {
  readonly #deps: NodeKeeperDeps
  readonly #timing: KeeperTiming
  readonly #stop = new AbortController()
  #running: Promise<unknown> | undefined
  #wake: (() => void) | undefined
  #rung = false
  #node: NodeObject | undefined
  /** Of each pod that has not ended, by uid; `undefined` until the API server has told. */
  #pods: { readonly bytes: readonly PodEpc[]; readonly devices: readonly PodEpc[] } | undefined
  #understood = true
  /** There is no EPC, or none is left of it for pods that ask in this mode. */
  #nothingLeft = false
  /** What was written last, and to which Node. */
  #written:
    | { readonly uid: string; readonly value: string | null | undefined; readonly version: string }
    | undefined
  #goneSince: number | undefined
  #overwrites = { streak: 0, lastMs: Number.NEGATIVE_INFINITY, total: 0 }
  #complaint: string | undefined

  constructor(deps: NodeKeeperDeps) {
    this.#deps = deps
    this.#timing = { ...usual, ...deps.timing }
  }

  static start(deps: NodeKeeperDeps): NodeKeeper {
    const keeper = new NodeKeeper(deps)
    keeper.#begin()
    return keeper
  }

  #begin(): void {
    this.#running = this.#run()
  }

  /** The node's object as it was seen last. */
  get node(): NodeObject | undefined {
    return this.#node
  }

  /** What pods of the node hold, in bytes and as devices; `undefined` until the API server has told. */
  get pods():
    | { readonly bytes: readonly PodEpc[]; readonly devices: readonly PodEpc[] }
    | undefined {
    return this.#pods
  }

  /** How often somebody else has written another figure. */
  get overwrites(): number {
    return this.#overwrites.total
  }

  /** Why pods cannot ask for EPC yet, though there is some; `undefined` where they can. */
  notPublished(offered: boolean): string | undefined {
    const { resource } = this.#deps
    if (!offered || this.#nothingLeft) return undefined
    if (this.#node !== undefined && isAllocatable(this.#node, resource)) return undefined
    return `the node's object does not show ${this.#deps.resource} yet${this.#complaint === undefined ? '' : `: ${this.#complaint}`}`
  }

  /** Has the plan made anew: what the node has to give, or what the kubelet knows of it, has changed. */
  look(): void {
    this.#rung = true
    this.#wake?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const signal = AbortSignal.any([this.#deps.signal, this.#stop.signal])
    signal.addEventListener('abort', () => this.look(), { once: true })
    const { api, nodeName } = this.#deps
    const onFailure = (reason: string): void =>
      this.#deps.log.warn('API server not followed', { reason })
    const name = encodeURIComponent(nodeName)
    const followed = [
      followCollection({
        api,
        path: `/api/v1/nodes?fieldSelector=metadata.name%3D${name}`,
        schema: nodeObject,
        onChange: nodes => this.#see([...nodes.values()].at(-1)),
        onFailure,
        signal,
      }),
      followCollection({
        api,
        path: `/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`,
        schema: podSpec,
        onChange: pods => this.#count([...pods.values()]),
        onFailure,
        signal,
      }),
    ]
    await Promise.all([...followed, this.#keep(signal)])
  }

  #see(node: NodeObject | undefined): void {
    if (node !== undefined && this.#written?.uid === node.metadata.uid) {
      // what was under way when we wrote
      if (isOlder(node.metadata.resourceVersion, this.#written.version)) return
    }
    this.#node = node
    this.look()
  }

  #count(pods: readonly (PodSpec | undefined)[]): void {
    const read = pods.filter(pod => pod !== undefined)
    if (read.length < pods.length) {
      // one of them may hold any amount: EPC is not lowered
      if (this.#understood) this.#deps.log.warn('pods not understood', { of: pods.length })
      this.#understood = false
      this.#pods = undefined
      this.look()
      return
    }
    this.#understood = true
    const held = (mode: 'bytes' | 'devices'): readonly PodEpc[] =>
      read.flatMap(pod => podEpc(pod, mode) ?? [])
    this.#pods = { bytes: held('bytes'), devices: held('devices') }
    this.look()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    let waitMs: number | undefined
    for (;;) {
      await this.#woken(waitMs)
      if (signal.aborted) return
      try {
        waitMs = await this.#write(signal)
        retryMs = FIRST_RETRY_MS
        this.#complaint = undefined
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof KubeApiError)) throw error
        this.#complain(error)
        waitMs = retryMs
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
      }
    }
  }

  /** Brings the node to the plan. Answers when to look again though nothing has happened, ms. */
  async #write(signal: AbortSignal): Promise<number | undefined> {
    const node = this.#node
    if (node === undefined || this.#deps.superseded()) return undefined
    const [wanted, againMs] = this.#wanted()
    const { startupTaint, formerResources, needed } = this.#deps
    const held = this.#pods === undefined ? undefined : sumOf(this.#pods.bytes)
    const serving = this.#deps.streaming() && needed.every(name => isAllocatable(node, name))
    const plan = planNode({ node, wanted, held, formerResources, startupTaint, serving })
    if (Object.keys(plan.quantities).length > 0) {
      // A kubelet that starts while the figure is less than its pods hold ends them: that is not waited out.
      const found = quantityIn(node.status.capacity, EPC_BYTES_RESOURCE) ?? 0n
      const urgent = held === undefined || found < held
      const leftMs = !urgent && this.#isOverwritten(node, plan) ? this.#backOffMs() : 0
      if (leftMs > 0) return leftMs
      await this.#writeQuantities(node, plan, signal)
    } else if (plan.taints !== undefined) {
      await this.#writeTaints(node, plan.taints, signal)
    }
    return againMs
  }

  /** Whether the figure is not the one that was written last, to this very object. */
  #isOverwritten({ metadata, status }: NodeObject, { quantities }: Plan): boolean {
    return (
      EPC_BYTES_RESOURCE in quantities &&
      this.#written?.uid === metadata.uid &&
      this.#written.value !== undefined &&
      !isEpc(status.capacity, this.#written.value)
    )
  }

  #wanted(): [Wanted, number | undefined] {
    // What pods hold as devices is not known before the API server has told of them.
    if (this.#pods === undefined && this.#understood) return [{ kind: 'unknown' }, undefined]
    const asDevices = sumOf(this.#pods?.devices ?? [])
    const wanted = this.#deps.wanted(asDevices)
    const nothing = wanted.kind === 'none'
    if (nothing && !this.#nothingLeft) {
      this.#deps.log.info('no EPC to publish', { heldAsDevices: String(asDevices) })
    }
    this.#nothingLeft = nothing
    const { goneMs } = this.#timing
    if (wanted.kind !== 'none') {
      this.#goneSince = undefined
      return [wanted, undefined]
    }
    const now = performance.now()
    this.#goneSince ??= now
    const leftMs = this.#goneSince + goneMs - now
    return leftMs > 0 ? [{ kind: 'unknown' }, leftMs] : [wanted, undefined]
  }

  async #writeQuantities(node: NodeObject, plan: Plan, signal: AbortSignal): Promise<void> {
    const { quantities } = plan
    const found = node.status.capacity[EPC_BYTES_RESOURCE] ?? null
    const overwritten = this.#isOverwritten(node, plan)
    if (overwritten) this.#countOverwrite()
    const patch = { status: { capacity: quantities, allocatable: quantities } }
    const now = await this.#deps.api.patch(this.#path('/status'), patch, nodeObject, signal)
    const { uid, resourceVersion: version } = now.metadata
    const value =
      EPC_BYTES_RESOURCE in quantities ? quantities[EPC_BYTES_RESOURCE] : this.#written?.value
    this.#written = { uid, version, value }
    this.#see(now)
    this.#deps.log.info('node status written', { ...quantities, found })
    if (overwritten) await this.#tellOverwritten(node, found, value ?? null, signal)
  }

  /** How long somebody's writing is still to be waited out: the first is put right at once. */
  #backOffMs(): number {
    const { firstBackOffMs, lastBackOffMs, quietMs } = this.#timing
    const { streak, lastMs } = this.#overwrites
    const sinceMs = performance.now() - lastMs
    if (sinceMs > quietMs) return 0
    return Math.max(0, Math.min(firstBackOffMs * 2 ** (streak - 1), lastBackOffMs) - sinceMs)
  }

  #countOverwrite(): void {
    const now = performance.now()
    const { streak, lastMs, total } = this.#overwrites
    const quiet = now - lastMs > this.#timing.quietMs
    this.#overwrites = { streak: quiet ? 1 : streak + 1, lastMs: now, total: total + 1 }
  }

  async #tellOverwritten(
    node: NodeObject,
    found: string | null,
    value: string | null,
    signal: AbortSignal,
  ): Promise<void> {
    const other = otherWriter(node, COMPONENT)
    // nobody else has ever written it: another instance of this plugin did, with other settings
    if (other === undefined && found !== null) return
    const writer = other ?? 'an unknown client'
    const was = found === null ? 'removed' : `set to ${found}`
    const message = `${EPC_BYTES_RESOURCE} was ${was} by ${writer}; put back to ${value ?? 'nothing'}. One writer is enough: take EPC out of its NodeFeatureRule, or remove sgx_epchook`
    this.#deps.log.warn('EPC overwritten', { found, value, writer })
    await recordNodeEvent(
      this.#deps.api,
      {
        node: node.metadata,
        type: 'Warning',
        reason: 'EpcOverwritten',
        message,
        component: COMPONENT,
      },
      new Date(),
      signal,
    )
  }

  async #writeTaints(
    { metadata }: NodeObject,
    taints: NonNullable<Plan['taints']>,
    signal: AbortSignal,
  ): Promise<void> {
    // The list is written as a whole: only where nobody has changed the node since it was read.
    const { resourceVersion } = metadata
    const patch = { metadata: { resourceVersion }, spec: { taints } }
    this.#see(await this.#deps.api.patch(this.#path(), patch, nodeObject, signal))
    this.#deps.log.info('startup taint removed', { taint: this.#deps.startupTaint })
  }

  #path(subresource = ''): string {
    return `/api/v1/nodes/${encodeURIComponent(this.#deps.nodeName)}${subresource}?fieldManager=${COMPONENT}`
  }

  #complain(error: KubeApiError): void {
    // 409: the node has changed meanwhile, and is looked at again
    if (error.status === 409 || this.#complaint === error.message) return
    this.#complaint = error.message
    this.#deps.log.warn('node not written', { reason: error.message })
  }

  async #woken(waitMs: number | undefined): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const timer = waitMs === undefined ? undefined : setTimeout(resolve, waitMs)
      await promise
      clearTimeout(timer)
      this.#wake = undefined
    }
    this.#rung = false
  }
}

function isAllocatable({ status }: NodeObject, resource: string): boolean {
  return (quantityIn(status.allocatable, resource) ?? 0n) > 0n
}

/** Resource versions are numbers that grow (Kubernetes 1.35 says so; etcd has always done so). What is not one is not older. */
function isOlder(version: string, than: string): boolean {
  const digits = /^\d{1,20}$/
  return digits.test(version) && digits.test(than) && BigInt(version) < BigInt(than)
}
