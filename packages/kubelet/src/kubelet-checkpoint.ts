import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { KubeletError } from './kubelet-error.ts'
import { absent } from './socket-file.ts'

export const KUBELET_CHECKPOINT = 'kubelet_internal_checkpoint'

const STAND_IN = 'StandIn'

/** Some 40 times what a kubelet with 65,536 devices writes. */
const MAX_BYTES = 64 * 1024 * 1024

const File = z.object({
  Data: z.object({ RegisteredDevices: z.record(z.string(), z.unknown()).nullable() }),
})
const Ids = z.array(z.string()).nullable()

/**
 * The healthy devices of `resource` that some plugin has reported, by the kubelet's own record. Empty where there is none.
 *
 * @throws {KubeletError} `ERR_KUBELET_CHECKPOINT`
 * @see docs/formats/device-plugin.md
 */
export function parseRegistered(text: string, resource: string): readonly string[] {
  const file = File.safeParse(parseJson(text))
  const registered = file.data?.Data.RegisteredDevices
  if (registered === undefined) throw unreadable('no Data.RegisteredDevices')
  if (registered === null || !Object.hasOwn(registered, resource)) return []
  const ids = Ids.safeParse(registered[resource])
  if (!ids.success) throw unreadable(`Data.RegisteredDevices: ${resource} is no list of ids`)
  return ids.data ?? []
}

/** A checkpoint by the stand-in kubelet: it says which devices are registered, and nothing else. */
export function encodeRegistered(registered: Readonly<Record<string, readonly string[]>>): string {
  const Data = { PodDeviceEntries: null, RegisteredDevices: registered }
  return `${JSON.stringify({ [STAND_IN]: true, Data, Checksum: 0 })}\n`
}

/** Whether the text is what `encodeRegistered` makes. */
export function isStandIns(text: string): boolean {
  return text.startsWith(`{"${STAND_IN}":true,`)
}

/** The kubelet's checkpoint in one directory; a file that has not changed is not read again. */
export class KubeletCheckpoint {
  readonly #path: string
  readonly #resource: string
  #read: { readonly version: string; readonly ids: readonly string[] } | undefined

  constructor(directory: string, resource: string) {
    this.#path = join(directory, KUBELET_CHECKPOINT)
    this.#resource = resource
  }

  /**
   * The resource's registered devices, if the file was written after `sinceNs`, the birth of the kubelet's socket: a file from
   * before tells of the kubelet before this one.
   *
   * @throws {KubeletError} `ERR_KUBELET_CHECKPOINT`
   */
  async registeredSince(sinceNs: bigint): Promise<readonly string[]> {
    const found = await lstat(this.#path, { bigint: true }).catch(absent)
    if (found === undefined || found.mtimeNs <= sinceNs) return []
    if (!found.isFile()) throw unreadable('not a file')
    if (found.size > BigInt(MAX_BYTES)) throw unreadable(`more than ${MAX_BYTES} bytes`)
    const version = `${found.ino}:${found.mtimeNs}:${found.size}`
    if (this.#read?.version !== version) {
      const text = await readFile(this.#path, 'utf8').catch(absent)
      this.#read = {
        version,
        ids: text === undefined ? [] : parseRegistered(text, this.#resource),
      }
    }
    return this.#read.ids
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreadable('not JSON', cause)
  }
}

function unreadable(detail: string, cause?: unknown): KubeletError {
  return new KubeletError('ERR_KUBELET_CHECKPOINT', `${KUBELET_CHECKPOINT}: ${detail}`, { cause })
}
