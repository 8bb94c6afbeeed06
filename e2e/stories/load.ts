import { deepEqual, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '../kube/api.ts'
import { type Pod, podSchema, podsPath } from '../kube/pods.ts'
import { spread } from './figures.ts'
import { boxPod, DEVICE_REFUSED, HAS_DEVICE, NO_DEVICE } from './pod-manifest.ts'

/** What became of the pods of a load. */
export interface LoadOutcome {
  readonly created: number
  readonly succeeded: number
  /** The kubelet's admission refused them, for good; by reason and message. */
  readonly rejected: readonly string[]
  /** They started without their device, or could not open it. */
  readonly withoutDevice: readonly string[]
  /** Their container was being started when the kubelet died, which cuts the runtime short: any pod's risk, with EPC or without. */
  readonly cutShort: readonly string[]
  /** They failed in another way. */
  readonly failed: readonly string[]
  /** From a pod's creation to its end seen here, in milliseconds. */
  readonly tookMs: readonly number[]
}

/** One line of figures. */
export function outcomeText(outcome: LoadOutcome): string {
  const { created, succeeded, tookMs } = outcome
  const [rejected, withoutDevice, cutShort, failed] = [
    outcome.rejected.length,
    outcome.withoutDevice.length,
    outcome.cutShort.length,
    outcome.failed.length,
  ]
  const counts = `${created} pods: ${succeeded} succeeded, ${rejected} rejected, ${withoutDevice} without their device, ${cutShort} cut short by the kubelet’s death, ${failed} failed otherwise`
  return `${counts}; created to ended, ms: ${spread(tookMs)}`
}

/** Pods came and went, and nothing happened to any, but for at most `mostRejected` that admission refused. */
export function expectNobodyHurt(
  { cutShort, rejected, withoutDevice, failed, succeeded }: LoadOutcome,
  mostRejected = 0,
): void {
  ok(rejected.length <= mostRejected, rejected.join('\n'))
  deepEqual(withoutDevice, [])
  deepEqual(failed, [])
  ok(cutShort.length <= succeeded / 10, cutShort.join('\n'))
  ok(succeeded > 0)
}

const MOST_AT_ONCE = 12

/**
 * Pods that come and go: each asks for EPC, looks at its device and ends. Half of them are placed on one node without the
 * scheduler, so that they are there whatever the API server believes of the node's EPC.
 */
export class Load implements AsyncDisposable {
  readonly #api: Api
  readonly #namespace: string
  readonly #stop = new AbortController()
  readonly #open = new Map<string, number>()
  readonly #outcome = {
    created: 0,
    succeeded: 0,
    rejected: [] as string[],
    withoutDevice: [] as string[],
    cutShort: [] as string[],
    failed: [] as string[],
    tookMs: [] as number[],
  }
  readonly #watching: Promise<void>
  readonly #running: Promise<unknown>
  /** Where pods go that no scheduler places. */
  target: string

  constructor(api: Api, namespace: string, options: { target: string; everyMs: number }) {
    this.#api = api
    this.#namespace = namespace
    this.target = options.target
    this.#watching = this.#watch()
    this.#running = Promise.all([this.#watching, this.#create(options.everyMs)])
    this.#running.catch(() => this.#stop.abort()) // told to whoever waits, below
  }

  get outcome(): LoadOutcome {
    return this.#outcome
  }

  /** Waits until a pod that is created from now on, on `target`, has ended well or badly. */
  async nextOnTarget(): Promise<void> {
    const name = await this.#one(true)
    while (this.#open.has(name)) await Promise.race([sleep(20), this.#running])
  }

  /** Creates no more pods, and waits until all have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopCreating = true
    while (this.#open.size > 0) await Promise.race([sleep(50), this.#watching])
    this.#stop.abort()
    await this.#running
  }

  #stopCreating = false

  async #create(everyMs: number): Promise<void> {
    for (let turn = 0; !this.#stopCreating && !this.#stop.signal.aborted; ) {
      // A machine that is too slow for the load gets less of it: pods that pile up would fill the EPC.
      if (this.#open.size < MOST_AT_ONCE) await this.#one(turn++ % 2 === 0)
      await sleep(everyMs)
    }
  }

  async #one(onTarget: boolean): Promise<string> {
    const name = `load-${this.#outcome.created++}`
    const pod = boxPod({
      name,
      epcMiB: 2,
      script: HAS_DEVICE,
      labels: { load: 'true' },
      ...(onTarget && { nodeName: this.target }),
    })
    this.#open.set(name, Date.now())
    await this.#api.create(podsPath(this.#namespace), pod)
    return name
  }

  async #watch(): Promise<void> {
    const path = `${podsPath(this.#namespace)}?labelSelector=load%3Dtrue`
    while (!this.#stop.signal.aborted) {
      for await (const { type, object } of this.#api.watch(path, this.#stop.signal)) {
        if (type === 'ADDED' || type === 'MODIFIED') this.#see(podSchema.parse(object))
        if (type === 'DELETED') this.#lose(podSchema.parse(object))
      }
    }
  }

  #see(pod: Pod): void {
    const { name } = pod.metadata
    const since = this.#open.get(name)
    if (since === undefined || !['Succeeded', 'Failed'].includes(pod.status.phase)) return
    this.#open.delete(name)
    this.#judge(pod, Date.now() - since)
    const path = `${podsPath(this.#namespace)}/${name}`
    void this.#api.raw('DELETE', path, { gracePeriodSeconds: 0 })
  }

  #lose({ metadata }: Pod): void {
    if (this.#open.delete(metadata.name)) this.#outcome.failed.push(`${metadata.name}: deleted`)
  }

  #judge({ metadata, status }: Pod, tookMs: number): void {
    const terminated = status.containerStatuses[0]?.state.terminated
    const exitCode = terminated?.exitCode
    const reasons = [status.reason, status.message, terminated?.reason, terminated?.message]
    const line = `${metadata.name}: ${reasons.filter(Boolean).join(' ')} (exit code ${exitCode})`
    if (status.phase === 'Succeeded') {
      this.#outcome.succeeded += 1
      this.#outcome.tookMs.push(tookMs)
    } else if (exitCode === undefined) this.#outcome.rejected.push(line)
    else if (exitCode === NO_DEVICE || exitCode === DEVICE_REFUSED)
      this.#outcome.withoutDevice.push(line)
    else if (terminated?.reason === 'StartError' && terminated.message.includes('context canceled'))
      this.#outcome.cutShort.push(line)
    else this.#outcome.failed.push(line)
  }
}
