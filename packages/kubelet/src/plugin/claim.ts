import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import type { CurrentList } from '../device-list.ts'
import { EmptySchema } from '../gen/device_plugin_pb.ts'
import { KubeletCheckpoint } from '../kubelet-checkpoint.ts'
import { reasonOf } from '../kubelet-error.ts'
import { callUnary, devicePluginService, KUBELET_SOCKET, unixClient } from '../rpc.ts'
import { isLive } from '../socket-file.ts'
import type { PluginEvent } from './plugin-event.ts'
import { type Instance, namesOfFamily, namesOfStem } from './socket-name.ts'

/** How long a newer instance has to say that it serves. */
const ANSWER_MS = 1_000

/** Somebody else serves the resource. */
export interface Claim {
  readonly by: 'newer-instance' | 'other-plugin'
  /** File names; of another plugin's, one of them. */
  readonly sockets: readonly string[]
}

/** What a claim on `resource` means, for people. */
export function claimEvent({ by, sockets }: Claim, resource: string): PluginEvent {
  const names = sockets.join(', ')
  if (by === 'newer-instance') {
    const reason = `${resource} is served by a newer instance of this plugin (${names}): quiet until that one ends`
    return { event: 'superseded', resource, sockets, reason }
  }
  const who = sockets.length === 1 ? names : `one of ${names}`
  const reason =
    `${resource} is registered on this node by another device plugin (its socket: ${who}): standing back until it is gone; ` +
    'remove that plugin from the node, or this one'
  return { event: 'taken-over', resource, sockets, reason }
}

/**
 * Looks for who else serves the resource on this node: a newer instance of this plugin, whose socket's name says so; or another
 * plugin, when the kubelet has devices of the resource registered of which none is in this plugin's list, and a socket that
 * another plugin listens on. The latter is not asked anything.
 */
export class Claims {
  readonly #directory: string
  readonly #instance: Instance
  readonly #list: CurrentList
  readonly #checkpoint: KubeletCheckpoint
  readonly #onUnreadable: (reason: string) => void
  #told = ''

  constructor(deps: {
    directory: string
    resource: string
    instance: Instance
    list: CurrentList
    /** The kubelet's checkpoint cannot be read: it then counts as empty. Called once for each reason. */
    onUnreadable: (reason: string) => void
  }) {
    this.#directory = deps.directory
    this.#instance = deps.instance
    this.#list = deps.list
    this.#checkpoint = new KubeletCheckpoint(deps.directory, deps.resource)
    this.#onUnreadable = deps.onUnreadable
  }

  /** A newer instance of this plugin that answers. */
  async newerInstance(): Promise<Claim | undefined> {
    const names = namesOfStem(this.#instance.stem)
    const newer = this.#sockets().filter(name => {
      const tag = names.exec(name)?.[1]
      return tag !== undefined && tag > this.#instance.tag
    })
    const sockets = await filtered(newer, path => this.#answers(path))
    return sockets.length === 0 ? undefined : { by: 'newer-instance', sockets }
  }

  /** Another plugin that has registered the resource with the kubelet whose socket was born at `kubeletSinceNs`. */
  async otherPlugin(kubeletSinceNs: bigint): Promise<Claim | undefined> {
    const family = namesOfFamily(this.#instance.stem)
    const foreign = this.#sockets().filter(name => !family.test(name))
    if (foreign.length === 0 || !(await this.#othersRegistered(kubeletSinceNs))) return undefined
    const sockets = await filtered(foreign, name => isLive(join(this.#directory, name)))
    return sockets.length === 0 ? undefined : { by: 'other-plugin', sockets }
  }

  async #othersRegistered(kubeletSinceNs: bigint): Promise<boolean> {
    try {
      const ids = await this.#checkpoint.registeredSince(kubeletSinceNs)
      const { deviceOf } = this.#list.latest()
      return ids.length > 0 && !ids.some(id => deviceOf.has(id))
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== this.#told) this.#onUnreadable(reason)
      this.#told = reason
      return false
    }
  }

  #sockets(): string[] {
    const entries = readdirSync(this.#directory, { withFileTypes: true })
    return entries
      .filter(entry => entry.isSocket() && entry.name !== KUBELET_SOCKET)
      .map(entry => entry.name)
  }

  async #answers(name: string): Promise<boolean> {
    const client = unixClient(join(this.#directory, name))
    const { getDevicePluginOptions } = devicePluginService
    const signal = AbortSignal.timeout(ANSWER_MS)
    try {
      await callUnary(client, getDevicePluginOptions, create(EmptySchema), { signal })
      return true
    } catch {
      // Stopped, killed, or about to end: whichever it is, it does not serve.
      return false
    } finally {
      client.close()
    }
  }
}

async function filtered(
  names: readonly string[],
  predicate: (name: string) => Promise<boolean>,
): Promise<string[]> {
  const kept = await Promise.all(names.map(predicate))
  return names.filter((_, index) => kept[index])
}
