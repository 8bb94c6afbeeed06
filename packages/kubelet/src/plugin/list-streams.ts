import { type ServerWritableStream, status } from '@grpc/grpc-js'
import type { DeviceList } from '../device-list.ts'
import type { Empty } from '../gen/device_plugin_pb.ts'

type Call = ServerWritableStream<Empty, DeviceList>

/** After this long a stream counts as lasting. */
const SETTLED_MS = 1_000

export interface ListStreamsDeps {
  /** The whole list. On an error a new stream is refused, and an older one keeps the list that it has. */
  readonly read: () => DeviceList
  readonly onOpen: (sent: DeviceList) => void
  readonly onSettled: () => void
  readonly onEnd: () => void
  readonly onError: (error: unknown) => void
}

/** The ListAndWatch streams that are open on one socket. Every message on each of them is the whole list. */
export class ListStreams {
  readonly #open = new Map<Call, { readonly settling: NodeJS.Timeout; behind: boolean }>()
  readonly #deps: ListStreamsDeps

  constructor(deps: ListStreamsDeps) {
    this.#deps = deps
  }

  get count(): number {
    return this.#open.size
  }

  accept(call: Call): void {
    const settling = setTimeout(() => {
      // Once more: a kubelet older than the fix for late disconnects may have zeroed the list when it lost the
      // connection to the instance before this one, after it had received the first message of this one.
      this.#send(call)
      this.#deps.onSettled()
    }, SETTLED_MS)
    this.#open.set(call, { settling, behind: false })
    const gone = (): void => this.#forget(call)
    for (const event of ['cancelled', 'finish', 'close']) call.once(event, gone)
    call.on('error', gone)
    call.on('drain', () => {
      if (this.#open.get(call)?.behind) this.#send(call)
    })
    const sent = this.#send(call)
    if (sent === undefined) call.emit('error', { code: status.INTERNAL, details: 'no device list' })
    else this.#deps.onOpen(sent)
  }

  /** Sends the list, as it is now, on every stream. */
  sendAll(): void {
    for (const call of this.#open.keys()) this.#send(call)
  }

  end(): void {
    for (const call of this.#open.keys()) {
      call.end()
      this.#forget(call)
    }
  }

  /** A stream whose peer is slow gets the newest list when it has drained, not every one in between. */
  #send(call: Call): DeviceList | undefined {
    const stream = this.#open.get(call)
    if (stream === undefined) return undefined
    stream.behind = call.writableNeedDrain
    if (stream.behind) return undefined
    try {
      const list = this.#deps.read()
      call.write(list)
      return list
    } catch (error) {
      this.#deps.onError(error)
      return undefined
    }
  }

  #forget(call: Call): void {
    const stream = this.#open.get(call)
    if (stream === undefined) return
    clearTimeout(stream.settling)
    this.#open.delete(call)
    this.#deps.onEnd()
  }
}
