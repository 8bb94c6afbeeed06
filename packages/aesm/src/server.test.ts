// Over 300 lines: what the server owes each kind of peer, case by case; bad peers in crowds are in bad-peers.test.ts.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { lstat } from 'node:fs/promises'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { exchange, inParallel, readAll, socketDirectory } from '../testing/peer.ts'
import { StandInBackend } from '../testing/stand-in-backend.ts'
import {
  AesmError,
  type AesmEvent,
  ecdsaP256KeyId as attKeyId,
  decodeResponse,
  encodeFrame,
  encodeRequest,
  encodeResponse,
  FrameReader,
  type RequestFields,
  type Response,
  type ServeAesmOptions,
  serveAesm,
} from './index.ts'

const report = new Uint8Array(432)
const nothing = new Uint8Array()
const getNum = frame({ getSupportedAttKeyIdNum: {} })
const getQuote: RequestFields = { getQuoteEx: { report, attKeyId, bufSize: 2000 } }

function frame(fields: RequestFields): Uint8Array {
  return encodeFrame(encodeRequest(fields))
}

/** A server on a socket of its own, with its events and its back end. */
async function started(options: Partial<ServeAesmOptions> = {}) {
  const directory = await socketDirectory()
  const events: AesmEvent[] = []
  const backend = new StandInBackend()
  const path = directory.path('aesm.socket')
  const server = await serveAesm({
    path,
    backend,
    onEvent: event => events.push(event),
    ...options,
  })
  return {
    backend,
    path,
    server,
    events,
    /** Waits until the server, too, has seen every connection end. */
    quiet: async () => {
      while (server.connections > 0) await setImmediate()
    },
    reasons: () => events.flatMap(event => (event.kind === 'unanswered' ? [event.reason] : [])),
    ask: async (fields: RequestFields): Promise<Response> => {
      const answer = await exchange(path, [frame(fields)])
      return decodeResponse(answer.subarray(4))
    },
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

test('a client that writes length and body apart, and one that closes its half, are answered', async t => {
  await using it = await started()
  const { mock } = t.mock.method(FrameReader.prototype, 'push')
  const reads = () => mock.callCount()
  const whole = await exchange(it.path, [getNum])
  equal(decodeResponse(whole.subarray(4)).getSupportedAttKeyIdNum?.attKeyIdNum, 1)
  deepEqual(await exchange(it.path, [getNum.subarray(0, 4), getNum.subarray(4)], { reads }), whole)
  equal(reads(), 3)
  deepEqual(await exchange(it.path, [getNum], { halfClose: true }), whole)
})

test('a half-closed peer is answered even if its quote takes long', async () => {
  await using it = await started()
  it.backend.beforeQuote = () => new Promise(resolve => setTimeout(resolve, 100))
  const answer = await exchange(it.path, [frame(getQuote)], { halfClose: true })
  equal(decodeResponse(answer.subarray(4)).getQuoteEx?.errorCode, 0)
})

test('one connection carries one request: a second one is not answered', async () => {
  await using it = await started()
  const once = await exchange(it.path, [getNum])
  deepEqual(await exchange(it.path, [getNum, getNum]), once)
  deepEqual(await exchange(it.path, [Uint8Array.of(...getNum, ...getNum)]), once)
})

test('a peer that is silent, or stops midway, is cut off by the deadline', async () => {
  await using it = await started({ limits: { readMs: 60 } })
  deepEqual(await exchange(it.path, []), nothing)
  deepEqual(await exchange(it.path, [getNum.subarray(0, 5)]), nothing)
  deepEqual(it.reasons(), ['read-deadline', 'read-deadline'])
  await it.quiet()
})

test('what is too long, not a message, or no known request is closed without an answer', async () => {
  await using it = await started()
  const tooLong = Uint8Array.of(1, 0, 1, 0)
  deepEqual(await exchange(it.path, [tooLong]), nothing)
  deepEqual(await exchange(it.path, [encodeFrame(new Uint8Array(16).fill(255))]), nothing)
  deepEqual(await exchange(it.path, [encodeFrame(nothing)]), nothing)
  deepEqual(await exchange(it.path, [getNum.subarray(0, 3)], { halfClose: true }), nothing)
  deepEqual(it.reasons(), ['too-long', 'malformed', 'unknown-request', 'incomplete'])
})

test('a thousand connections at once are answered while as many stay silent', async () => {
  await using it = await started({ limits: { connections: 2000 } })
  const silent = Array.from({ length: 999 }, () => connect(it.path))
  await Promise.all(silent.map(socket => once(socket, 'connect')))
  const answers = await Promise.all(Array.from({ length: 1000 }, () => exchange(it.path, [getNum])))
  equal(new Set(answers.map(answer => answer.toHex())).size, 1)
  equal(answers[0]?.byteLength, 11)
  for (const socket of silent) socket.destroy()
})

test('above the cap, the peer that has been silent the longest gives way', async () => {
  await using it = await started({ limits: { connections: 2 } })
  const first = connect(it.path)
  const firstAnswer = readAll(first)
  await once(first, 'connect')
  const second = connect(it.path)
  await once(second, 'connect')
  equal((await exchange(it.path, [getNum])).byteLength, 11)
  deepEqual(await firstAnswer, nothing)
  deepEqual(it.reasons(), ['crowded-out'])
  second.destroy()
})

test('above the cap, the newcomer is closed when everybody waits for an answer', async () => {
  await using it = await started({ limits: { connections: 1 } })
  const gate = Promise.withResolvers<void>()
  it.backend.beforeQuote = () => gate.promise
  const slow = it.ask(getQuote)
  while (!it.events.some(({ kind }) => kind === 'request')) await setImmediate()
  deepEqual(await exchange(it.path, [getNum]), nothing)
  gate.resolve()
  equal((await slow).getQuoteEx?.errorCode, 0)
})

test('a crowd that connects at once and says nothing costs none of those that connected before it and ask', async () => {
  await using it = await started({ limits: { connections: 40 } })
  // All of it is one turn of the event loop: the server finds connections, requests and crowd together.
  const asking = Array.from({ length: 30 }, () => connect(it.path).end(getNum))
  const answers = asking.map(readAll)
  const crowd = Array.from({ length: 45 }, () => connect(it.path))
  for (const socket of crowd) socket.on('error', () => socket.destroy())
  for (const answer of answers) equal((await answer).byteLength, 11)
  equal(new Set(it.reasons()).size <= 1, true)
  ok(it.server.connections <= 40)
  for (const socket of crowd) socket.destroy()
  await it.quiet()
})

test('of a crowd many times the number of places, as many stay open as there are places', async () => {
  await using it = await started({ limits: { connections: 4 } })
  const crowd = Array.from({ length: 30 }, () => connect(it.path))
  await Promise.all(crowd.map(readAll).slice(0, 26)).catch(() => undefined)
  equal(it.server.connections, 4)
  equal(it.reasons().length, 26)
  for (const socket of crowd) socket.destroy()
  await it.quiet()
})

test('every legacy request is answered 30 in the sub-message of its own', async t => {
  await using it = await started()
  const bytes = new Uint8Array(16)
  const legacy = {
    initQuote: {},
    getQuote: { report, quoteType: 0, spid: bytes, bufSize: 1116 },
    getLaunchToken: { mrEnclave: bytes, mrSigner: new Uint8Array(384), seAttributes: bytes },
    reportAttestationError: { platformInfo: bytes, attestationErrorCode: 1, updateInfoSize: 8 },
    getWhiteListSize: {},
    getWhiteList: { whiteListSize: 1024 },
    getExtendedEpidGroupId: {},
    switchExtendedEpidGroup: { xGroupId: 1 },
    register: { buf: bytes, dataType: 1 },
    checkUpdateStatus: { updateInfoSize: 8, config: 0 },
  }
  for (const [name, fields] of Object.entries(legacy)) {
    const answer = await exchange(it.path, [frame({ [name]: fields })])
    const { $typeName: _, ...sub } = decodeResponse(answer.subarray(4))
    deepEqual(Object.keys(sub), [name])
    deepEqual(encodeResponse({ [name]: { errorCode: 30 } }), answer.subarray(4))
  }
  t.diagnostic(`${Object.keys(legacy).length} legacy requests`)
})

test('a size that is not the one there is, of the key’s id or of the list of ids, is answered 3', async () => {
  await using it = await started()
  for (const bufSize of [0, 255, 257, 512]) {
    const { getSupportedAttKeyIds } = await it.ask({ getSupportedAttKeyIds: { bufSize } })
    equal(getSupportedAttKeyIds?.errorCode, 3)
  }
  for (const bufSize of [0n, 31n, 33n, 2n ** 64n - 1n]) {
    const { initQuoteEx } = await it.ask({ initQuoteEx: { attKeyId, bPubKeyId: true, bufSize } })
    equal(initQuoteEx?.errorCode, 3)
  }
  ok(!it.backend.asked.includes('init'))
})

test('a request that does not wait for quotes is answered while the quoting back end hangs', async () => {
  await using it = await started({ limits: { answerMs: 400 } })
  it.backend.beforeQuote = () => new Promise(() => undefined)
  const hanging = it.ask(getQuote)
  const sizing = { attKeyId, bPubKeyId: false, bufSize: 0xdead_beef_dead_beefn }
  equal((await it.ask({ getSupportedAttKeyIdNum: {} })).getSupportedAttKeyIdNum?.errorCode, 0)
  equal((await it.ask({ selectAttKeyId: {} })).selectAttKeyId?.errorCode, 0)
  equal((await it.ask({ getQuoteSizeEx: { attKeyId } })).getQuoteSizeEx?.quoteSize, 1036)
  const init = (await it.ask({ initQuoteEx: sizing })).initQuoteEx
  deepEqual(init?.targetInfo, new Uint8Array(512))
  equal(init?.pubKeyIdSize, 32n)
  ok(!it.backend.asked.includes('init'))
  equal((await hanging).getQuoteEx?.errorCode, 18)
})

test('quotes beyond the queue are answered 18, those within it come one after the other', async () => {
  await using it = await started({ limits: { waitingQuotes: 2 } })
  const gate = Promise.withResolvers<void>()
  let running = 0
  it.backend.beforeQuote = async () => {
    running += 1
    equal(running, 1)
    await gate.promise
    running -= 1
  }
  const asked = Array.from({ length: 5 }, () => it.ask(getQuote))
  while (it.events.filter(({ kind }) => kind === 'answered').length < 2) {
    await setImmediate()
  }
  gate.resolve()
  const codes = (await Promise.all(asked)).map(answer => answer.getQuoteEx?.errorCode)
  deepEqual(codes.toSorted(), [0, 0, 0, 18, 18])
})

test('the error number that the back end throws is answered; anything else is 1, and an event says what', async () => {
  await using it = await started()
  it.backend.beforeQuote = () => {
    throw new AesmError(44)
  }
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 44)
  const failure = new Error('the enclave is gone')
  it.backend.beforeQuote = () => {
    throw failure
  }
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 1)
  const failed = it.events.find(event => event.kind === 'backend-failed')
  equal(failed?.error, failure)
  it.backend.beforeQuote = () => undefined
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 0)
})

test('a back end that gives the wrong lengths is answered for with 1', async () => {
  await using it = await started()
  Object.assign(it.backend, { targetInfo: new Uint8Array(511) })
  const init = { initQuoteEx: { attKeyId, bPubKeyId: true, bufSize: 32n } }
  equal((await it.ask(init)).initQuoteEx?.errorCode, 1)
  const withInfo = { report, attKeyId, bufSize: 2000, qeReportInfo: new Uint8Array(960) }
  equal((await it.ask({ getQuoteEx: withInfo })).getQuoteEx?.errorCode, 1)
  equal(it.events.filter(({ kind }) => kind === 'backend-failed').length, 2)
})

test('the quote is padded to buf_size, within the cap, and refused with 3 below its length', async () => {
  await using it = await started({ limits: { quoteBytes: 4096 } })
  const codeFor = async (fields: object) =>
    (await it.ask({ getQuoteEx: { report, attKeyId, bufSize: 2000, ...fields } })).getQuoteEx
  equal((await codeFor({ bufSize: 4096 }))?.quote.byteLength, 4096)
  equal((await codeFor({ bufSize: 1036 }))?.quote.byteLength, 1036)
  equal((await codeFor({ qeReportInfo: nothing }))?.errorCode, 0)
  equal((await codeFor({ bufSize: 1035 }))?.errorCode, 3)
  equal((await codeFor({ bufSize: 4097 }))?.errorCode, 3)
  equal((await codeFor({ report: new Uint8Array(433) }))?.errorCode, 3)
  equal((await codeFor({ attKeyId: attKeyId.subarray(0, 255) }))?.errorCode, 3)
  equal((await codeFor({ attKeyId: new Uint8Array(256) }))?.errorCode, 38)
  equal((await codeFor({ qeReportInfo: new Uint8Array(959) }))?.errorCode, 3)
})

test('a lost key is made again and the quote retried once, if recovery is on', async () => {
  await using it = await started({ recover: true })
  let lost = true
  it.backend.beforeQuote = () => {
    if (lost) {
      lost = false
      throw new AesmError(42)
    }
  }
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 0)
  deepEqual(it.backend.asked, ['quote', 'init', 'quote'])
  ok(it.events.some(({ kind }) => kind === 'recovered'))
})

test('a REPORT for a quoting enclave that is another one since is answered 42, so that the client makes a new one', async () => {
  await using it = await started({ recover: true })
  const codes = [42, 47]
  it.backend.beforeQuote = () => {
    throw new AesmError(codes.shift() ?? 1)
  }
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 42)
})

test('a lost key is answered 42 if recovery is off', async () => {
  await using it = await started()
  it.backend.beforeQuote = () => {
    throw new AesmError(42)
  }
  equal((await it.ask(getQuote)).getQuoteEx?.errorCode, 42)
  deepEqual(it.backend.asked, ['quote'])
})

test('a server that closes answers 17 to what is under way, and lets silent peers go', async () => {
  await using it = await started()
  it.backend.beforeQuote = () => new Promise(() => undefined)
  const silent = connect(it.path)
  const silentAnswer = readAll(silent)
  await once(silent, 'connect')
  const slow = it.ask(getQuote)
  while (!it.events.some(({ kind }) => kind === 'request')) await setImmediate()
  await it.server.close()
  equal((await slow).getQuoteEx?.errorCode, 17)
  deepEqual(await silentAnswer, nothing)
  await rejects(lstat(it.path), { code: 'ENOENT' })
})

test('random bytes never crash the server, and always end in a closed connection', async () => {
  await using it = await started({ limits: { readMs: 2000 } })
  const anything = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 })
  const framed = fc.uint8Array({ maxLength: 80 }).map(body => [encodeFrame(body)])
  const mutated = fc.tuple(fc.nat(700), fc.nat(255)).map(([at, byte]) => {
    const bytes = Uint8Array.from(frame(getQuote))
    bytes[at % bytes.byteLength] = byte
    return [bytes]
  })
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, framed, mutated), async parts => {
      const answer = await exchange(it.path, parts, { halfClose: true })
      if (answer.byteLength > 0) decodeResponse(answer.subarray(4))
    }),
    { numRuns: 600 },
  )
  await it.quiet()
  equal((await exchange(it.path, [getNum])).byteLength, 11)
})

test('an answer that its peer does not take is given up', async () => {
  await using it = await started({ limits: { writeMs: 60 } })
  const jobs = Array.from({ length: 40 }, () => async () => {
    const socket = connect(it.path)
    await once(socket, 'connect')
    socket.pause()
    socket.write(frame({ getQuoteEx: { report, attKeyId, bufSize: 65_536 } }))
    await new Promise(resolve => setTimeout(resolve, 150))
    socket.destroy()
  })
  await inParallel(40, jobs)
  await it.quiet()
})
