import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, link, unlink } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { socketDirectory } from '../testing/peer.ts'
import { StandInBackend, standInQuote } from '../testing/stand-in-backend.ts'
import {
  AesmClient,
  AesmError,
  ecdsaP256KeyId,
  encodeFrame,
  encodeResponse,
  type ResponseFields,
  serveAesm,
} from './index.ts'

const report = new Uint8Array(432)

/** A real server and a client of it. */
async function connected(options: { recover?: boolean } = {}) {
  const directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const backend = new StandInBackend()
  const server = await serveAesm({ path, backend, ...options })
  return {
    backend,
    client: new AesmClient({ path, timeoutMs: 2000 }),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

/** A client of a server that does as it is told with every connection. */
async function clientOf(behave: (socket: Socket) => void, timeoutMs = 2000) {
  const directory = await socketDirectory()
  const path = directory.path('s')
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    behave(socket)
  })
  await once(server.listen(path), 'listening')
  return {
    path,
    client: new AesmClient({ path, timeoutMs }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

function answering(fields: ResponseFields): (socket: Socket) => void {
  return socket => {
    socket.once('data', () => socket.end(encodeFrame(encodeResponse(fields))))
  }
}

test('a quote comes without its padding, and the server’s one key id as it is', async () => {
  await using it = await connected()
  deepEqual(await it.client.supportedKeyIds(), [ecdsaP256KeyId])
  const { targetInfo, pubKeyId } = await it.client.initQuote()
  deepEqual([targetInfo, pubKeyId], [it.backend.targetInfo, it.backend.pubKeyId])
  equal(await it.client.quoteSize(), 1036)
  deepEqual(await it.client.getQuote(report), standInQuote(600))
})

test('the quoting enclave’s REPORT comes with the quote where it was asked for', async () => {
  await using it = await connected()
  const qeReport = new Uint8Array(432).fill(3)
  it.backend.madeQuote = { quote: standInQuote(600), qeReport }
  const nonce = new Uint8Array(16)
  const targetInfo = new Uint8Array(512)
  deepEqual(
    await it.client.getQuoteWithQeReport(report, { nonce, targetInfo }),
    it.backend.madeQuote,
  )
})

test('an error number becomes an error with number, name and remedy', async () => {
  await using it = await connected()
  it.backend.beforeQuote = () => {
    throw new AesmError(47)
  }
  await rejects(it.client.getQuote(report), {
    code: 'ERR_AESM_ANSWER',
    errorCode: 47,
    errorName: 'INVALID_REPORT',
    message: /AESM error 47 INVALID_REPORT \(getQuoteEx\)\. Make a new REPORT/,
  })
})

test('quoteWith makes a new REPORT once if the key was lost, and only once', async () => {
  await using it = await connected()
  let lost = 1
  it.backend.beforeQuote = () => {
    lost -= 1
    if (lost >= 0) throw new AesmError(42)
  }
  const made: Uint8Array[] = []
  const makeReport = async (targetInfo: Uint8Array): Promise<Uint8Array> => {
    made.push(targetInfo)
    return report
  }
  deepEqual(await it.client.quoteWith(makeReport), standInQuote(600))
  deepEqual(made, [it.backend.targetInfo, it.backend.targetInfo])
  lost = 2
  await rejects(it.client.quoteWith(makeReport), { errorCode: 42 })
  equal(made.length, 4)
})

test('no socket, a stale one, and one without permission are unreachable, and the remedy is named', async () => {
  await using directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const client = new AesmClient({ path })
  const unreachable = { code: 'ERR_AESM_UNREACHABLE', path }
  await rejects(client.initQuote(), { ...unreachable, message: /quote helper runs on this node/ })
  const server = createServer().listen(directory.path('other'))
  await once(server, 'listening')
  await link(directory.path('other'), path)
  server.close()
  await once(server, 'close')
  await rejects(client.initQuote(), { ...unreachable, message: /nobody listens/ })
  await unlink(path)
})

test('a socket of another uid’s mode is unreachable', {
  skip: process.getuid?.() === 0 && 'root may connect to every socket',
}, async () => {
  await using it = await clientOf(() => undefined)
  await chmod(it.path, 0)
  await rejects(it.client.initQuote(), { code: 'ERR_AESM_UNREACHABLE', message: /no permission/ })
})

test('a server that never answers is given up after the timeout', async () => {
  await using it = await clientOf(() => undefined, 50)
  await rejects(it.client.quoteSize(), { code: 'ERR_AESM_TIMEOUT', path: it.path })
})

test('a server that closes without an answer, or within one, has not answered', async () => {
  await using silent = await clientOf(socket => socket.once('data', () => socket.end()))
  await rejects(silent.client.quoteSize(), {
    code: 'ERR_AESM_NO_ANSWER',
    message: /without an answer/,
  })
  await using reset = await clientOf(socket => socket.destroy())
  await rejects(reset.client.quoteSize(), { code: 'ERR_AESM_NO_ANSWER' })
  await using half = await clientOf(socket => socket.end(Uint8Array.of(10, 0, 0, 0, 1)))
  await rejects(half.client.quoteSize(), { code: 'ERR_AESM_NO_ANSWER', message: /in the middle/ })
})

test('an answer that is not AESM’s is refused: length, message, operation, field lengths', async () => {
  const refused = async (
    behave: (socket: Socket) => void,
    call: (client: AesmClient) => Promise<unknown>,
    message: RegExp,
  ): Promise<void> => {
    await using it = await clientOf(behave)
    await rejects(call(it.client), { code: 'ERR_AESM_REPLY', path: it.path, message })
  }
  const size = (client: AesmClient) => client.quoteSize()
  const errorCode = 0
  const raw = (bytes: Uint8Array) => (socket: Socket) => socket.end(bytes)
  await refused(raw(new Uint8Array(8).fill(255)), size, /the limit is 81920/)
  await refused(raw(encodeFrame(Uint8Array.of(0x0f))), size, /wire type 7/)
  await refused(raw(encodeFrame(Uint8Array.of(0x82, 1, 0))), size, /error_code: required/)
  await refused(answering({ getQuoteEx: { errorCode } }), size, /no answer to getQuoteSizeEx/)
  await refused(answering({ getQuoteSizeEx: { errorCode } }), size, /quote_size is 0/)
  await refused(
    answering({ getQuoteSizeEx: { errorCode, quoteSize: 65_537 } }),
    size,
    /quote_size is 65537/,
  )
  const short = { errorCode, targetInfo: new Uint8Array(511), pubKeyId: new Uint8Array(32) }
  await refused(answering({ initQuoteEx: short }), c => c.initQuote(), /target_info has 511 bytes/)
  await refused(
    answering({
      getSupportedAttKeyIdNum: { errorCode, attKeyIdNum: 1 },
      getSupportedAttKeyIds: { errorCode, attKeyIds: new Uint8Array(255) },
    }),
    c => c.supportedKeyIds(),
    /att_key_ids has 255 bytes/,
  )
  await refused(
    answering({
      getQuoteSizeEx: { errorCode, quoteSize: 500 },
      getQuoteEx: { errorCode, quote: standInQuote(600).subarray(0, 500) },
    }),
    c => c.getQuote(report),
    /signatureData/,
  )
})

test('an abort ends a call with the caller’s reason', async () => {
  await using it = await clientOf(() => undefined)
  const reason = new Error('enough')
  const controller = new AbortController()
  const call = it.client.initQuote(controller.signal)
  controller.abort(reason)
  await rejects(call, reason)
  await rejects(it.client.initQuote(controller.signal), reason)
})

test('a path that the kernel cannot take is refused at once', () => {
  const path = `/${'x'.repeat(107)}`
  throws(() => new AesmClient({ path }), { code: 'ERR_AESM_SOCKET_PATH_TOO_LONG', path })
})
