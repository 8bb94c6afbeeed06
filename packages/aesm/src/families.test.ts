import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { families } from '../testing/families.ts'
import {
  type Addresses,
  abstractAddress,
  answersTheRequest,
  type Family,
  FamilyClient,
  type FamilyClientOptions,
  FamilyRefusal,
  legacyAbstractName,
  operationOfStep,
} from '../testing/family.ts'
import { backendOfFrames } from '../testing/frames-backend.ts'
import { socketDirectory } from '../testing/peer.ts'
import { StandInBackend, standInQuote } from '../testing/stand-in-backend.ts'
import {
  AesmError,
  type AesmEvent,
  FrameReader,
  type QuotingBackend,
  type ServeAesmOptions,
  serveAesm,
} from './index.ts'

const report = new Uint8Array(432)
const standInAnswer = { quote: standInQuote(600), qeReport: new Uint8Array(432) }

/** A server of a back end, at a path and with an abstract name of its own that nobody listens at. */
async function served(backend: QuotingBackend, options: Partial<ServeAesmOptions> = {}) {
  const directory = await socketDirectory()
  const events: AesmEvent[] = []
  const path = directory.path('aesm.socket')
  const server = await serveAesm({
    path,
    backend,
    onEvent: event => events.push(event),
    ...options,
  })
  return {
    addresses: { path, abstract: `alcove-test${path}` },
    /** What was asked, in order. */
    asked: () => events.flatMap(event => (event.kind === 'request' ? [event.operation] : [])),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

function standIn(): StandInBackend {
  const backend = new StandInBackend()
  backend.madeQuote = standInAnswer
  return backend
}

function named(name: string): Family {
  const family = families.find(one => one.name.startsWith(name))
  ok(family, name)
  return family
}

for (const family of families) {
  test(`${family.name}: its whole sequence is served`, async t => {
    await using it = await served(standIn())
    const { mock } = t.mock.method(FrameReader.prototype, 'push')
    const client = new FamilyClient(family, it.addresses, { reads: () => mock.callCount() })
    deepEqual(await client.quote(() => report), standInAnswer.quote)
    deepEqual(it.asked(), family.steps.map(operationOfStep))
    // Each write of a client arrives by itself: the server puts them together.
    equal(mock.callCount(), family.steps.length * (family.writes === 'two' ? 2 : 1))
  })

  for (const { on, what, spoil } of family.demands) {
    test(`${family.name} insists on ${what}`, async () => {
      await using it = await served(standIn())
      const client = new FamilyClient(family, it.addresses, {
        intercept: (step, answer) => {
          if (step === on) spoil(answer)
        },
      })
      const refusal = await client.quote(() => report).catch((error: unknown) => error)
      ok(refusal instanceof FamilyRefusal, String(refusal))
      ok(refusal.message.includes(what), refusal.message)
    })
  }
}

test('an answer without the sub-message that was asked for stops every family, at every step', async t => {
  await using it = await served(standIn())
  let refusals = 0
  for (const family of families) {
    for (const spoiled of family.steps) {
      const intercept: FamilyClientOptions['intercept'] = (step, answer) => {
        if (step === spoiled) delete answer[operationOfStep(step)]
      }
      const client = new FamilyClient(family, it.addresses, { intercept })
      await rejects(
        client.quote(() => report),
        new RegExp(answersTheRequest),
      )
      refusals += 1
    }
  }
  t.diagnostic(`${refusals} answers without their sub-message refused`)
})

test('all families at once, many of each, each get their quotes', async t => {
  await using it = await served(standIn(), { limits: { connections: 4096, waitingQuotes: 4096 } })
  const clients = Array.from({ length: 25 }, () => families).flat()
  const quotes = await Promise.all(
    clients.map(family => new FamilyClient(family, it.addresses).quote(() => report)),
  )
  equal(new Set(quotes.map(quote => quote.toHex())).size, 1)
  equal(it.asked().length, 25 * families.flatMap(({ steps }) => steps).length)
  t.diagnostic(
    `${clients.length} clients of ${families.length} families, ${it.asked().length} calls`,
  )
})

test('a client that is answered 42 and knows what to do makes another REPORT and has its quote', async () => {
  const backend = standIn()
  let lost = true
  backend.beforeQuote = () => {
    if (!lost) return
    lost = false
    throw new AesmError(42)
  }
  await using it = await served(backend)
  let reports = 0
  const quote = await new FamilyClient(named('Gramine'), it.addresses).quote(() => {
    reports += 1
    return report
  })
  deepEqual(quote, standInAnswer.quote)
  equal(reports, 2)
})

test('clients that give up at 42 never see it where the server recovers', async () => {
  for (const family of families.filter(({ keyLost }) => keyLost === 'gives up')) {
    const backend = standIn()
    let lost = true
    backend.beforeQuote = () => {
      if (!lost) return
      lost = false
      throw new AesmError(42)
    }
    await using recovering = await served(backend, { recover: true })
    deepEqual(
      await new FamilyClient(family, recovering.addresses).quote(() => report),
      standInAnswer.quote,
    )
    lost = true
    await using plain = await served(backend)
    await rejects(
      new FamilyClient(family, plain.addresses).quote(() => report),
      { errorCode: 42 },
    )
  }
})

test('the abstract name is tried as 108 bytes, before the path or after it, as the family does', {
  skip: process.platform !== 'linux' && 'only Linux has abstract names',
}, async () => {
  equal(Buffer.byteLength(abstractAddress(legacyAbstractName)), 108)
  await using it = await served(standIn())
  const { path, abstract } = it.addresses
  let dialled = 0
  const old = createServer(socket => {
    dialled += 1
    socket.destroy()
  })
  await once(old.listen(abstractAddress(abstract)), 'listening')
  try {
    const ask = async (name: string, addresses: Addresses): Promise<number> => {
      dialled = 0
      const client = new FamilyClient(named(name), addresses)
      await client.quote(() => report).catch(() => undefined)
      return dialled
    }
    equal(await ask('Gramine', it.addresses), 1)
    equal(await ask('Fortanix', it.addresses), 0)
    equal(await ask('Fortanix', { path: `${path}-gone`, abstract }), 1)
    equal(await ask('Intel', it.addresses), 0)
  } finally {
    old.close()
  }
})

await withSharedVectors('the quotes that families of clients get', families.length, vectors => {
  test('every family gets the quote of the vectors, with a REPORT for the target_info it was told', async t => {
    const backend = await backendOfFrames(vectors)
    const vector = await vectors.bytes('aesm/report.bin')
    const targetInfo = await vectors.bytes('aesm/qe_target_info.bin')
    const quote = await vectors.bytes('aesm/quote.bin')
    const { exchanges } = (await vectors.json('aesm/frames.json')) as {
      exchanges: readonly { client: string; req: string }[]
    }
    // What the clients of the table send is, byte for byte, what the vectors say that they send.
    const ofTheTable = /_(intel|gramine|fortanix)_/
    const frames = new Map<string, string>()
    for (const { req } of exchanges.filter(one => ofTheTable.test(one.req)))
      frames.set((await vectors.bytes(`aesm/${req}`)).toHex(), req)
    await using it = await served(backend)
    const sent: string[] = []
    for (const family of families) {
      const client = new FamilyClient(family, it.addresses)
      const got = await client.quote(told => {
        deepEqual(told, targetInfo)
        return vector
      })
      deepEqual(got, quote, family.name)
      sent.push(...client.sent.map(frame => frame.toHex()))
    }
    const notSent = new Map(frames)
    for (const frame of sent) notSent.delete(frame)
    deepEqual(
      [...notSent.values()],
      [
        '04_intel_init_quote_ex_size_garbage_bufsize.req.bin',
        '08_intel_get_quote_ex_qereport.req.bin',
      ],
      'those with memory and nonces of their own',
    )
    t.diagnostic(
      `${families.length} families, ${sent.length} calls, ${frames.size - notSent.size} frames of the vectors sent byte for byte`,
    )
  })
})
