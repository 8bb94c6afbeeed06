import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { ecdsaP256KeyId, encodeFrame, encodeRequest } from '../src/index.ts'

const getQuote = encodeFrame(
  encodeRequest({
    getQuoteEx: {
      report: new Uint8Array(432),
      attKeyId: ecdsaP256KeyId,
      bufSize: 64 * 1024,
    },
  }),
)
const longest = Uint8Array.of(0, 0, 1, 0) // 64 KiB are announced

/** What a peer does once it is connected; the server must close all of these by itself. */
export const badPeers: Readonly<Record<string, (socket: Socket) => Promise<void> | void>> = {
  silent: () => undefined,
  'announces 64 KiB and sends nothing': socket => void socket.write(longest),
  'announces 64 KiB and sends all but a byte': socket =>
    void socket.write(Uint8Array.from([...longest, ...new Uint8Array(64 * 1024 - 1)])),
  'announces 4 GiB': socket => void socket.write(new Uint8Array(4).fill(255)),
  'sends no message': socket => void socket.write(encodeFrame(new Uint8Array(40).fill(255))),
  'sends an empty request': socket => void socket.write(encodeFrame(new Uint8Array())),
  'ends in the middle': socket => void socket.end(getQuote.subarray(0, 300)),
  'goes away in the middle': async socket => {
    socket.write(getQuote.subarray(0, 300))
    await wait(5)
    socket.destroy()
  },
  'sends a byte now and then': async socket => {
    for (let at = 0; at < getQuote.byteLength && socket.writable; at++) {
      socket.write(getQuote.subarray(at, at + 1))
      await wait(20)
    }
  },
  'does not take its quote of 64 KiB': socket => {
    socket.pause()
    socket.write(getQuote)
  },
  'goes away while its quote is made': async socket => {
    socket.write(getQuote)
    await wait(2)
    socket.destroy()
  },
  'goes on sending behind its request': async socket => {
    const more = new Uint8Array(64 * 1024).fill(1)
    socket.write(getQuote)
    for (let count = 0; count < 16 && socket.writable; count++) {
      socket.write(more)
      await wait(5)
    }
  },
}

/**
 * One connection of a bad peer, until it is closed, by either side.
 *
 * @throws {Error} the server has not closed it within `withinMs`
 */
export async function beBad(name: string, path: string, withinMs: number): Promise<void> {
  const socket = connect({ path, allowHalfOpen: true })
  const closed = Promise.withResolvers<void>()
  socket.on('error', () => socket.destroy())
  socket.on('close', () => closed.resolve())
  const timer = setTimeout(() => closed.reject(new Error(`${name}: still open`)), withinMs)
  socket.on('connect', () => {
    void Promise.resolve(badPeers[name]?.(socket)).then(() => {
      // What came meanwhile is looked at only now.
      socket.on('end', () => socket.destroy())
      socket.resume()
    })
  })
  try {
    await closed.promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}
