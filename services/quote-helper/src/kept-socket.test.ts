import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { AesmClient, type AesmServer, type QuotingBackend, serveAesm } from '@alcove/aesm'
import { jsonLog } from '@alcove/process'
import { keepServing } from './kept-socket.ts'

const backend: QuotingBackend = {
  init: async () => ({ targetInfo: new Uint8Array(512), pubKeyId: new Uint8Array(32) }),
  quoteSize: async () => 4600,
  quote: async () => ({ quote: new Uint8Array(4600) }),
}

/** A kept socket, looked at every 5 ms until the test ends. */
async function kept(t: TestContext, quoting: QuotingBackend = backend) {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-kept-'))
  const path = join(directory, 'aesm.socket')
  const stop = new AbortController()
  const events: string[] = []
  const log = jsonLog('quote-helper', {
    write: line => void events.push(JSON.parse(line).event),
  })
  const serving = Promise.withResolvers<void>()
  const ended = keepServing(
    { path, backend: quoting },
    { log, stop: stop.signal, onServing: serving.resolve, everyMs: 5 },
  )
  t.after(async () => {
    stop.abort()
    await ended
    await rm(directory, { recursive: true })
  })
  await serving.promise
  return { path, events, client: new AesmClient({ path }) }
}

async function answered(client: AesmClient): Promise<void> {
  for (let tries = 0; ; tries++) {
    const size = await client.quoteSize().catch((error: unknown) => {
      if (tries > 4000) throw error
    })
    if (size !== undefined) return
    await delay(5)
  }
}

/** Another server at the path; the kept one may be the faster to bind it again. */
async function takeOver(path: string): Promise<AesmServer> {
  for (;;) {
    await rm(path, { force: true })
    const other = { path, backend: { ...backend, quoteSize: async () => 1 } }
    const server = await serveAesm(other).catch(() => undefined)
    if (server !== undefined) return server
  }
}

test('a socket that somebody removed is there again, and what was under way is answered', async t => {
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const { path, events, client } = await kept(t, {
    ...backend,
    init: async () => {
      asked.resolve()
      await gate.promise
      return { targetInfo: new Uint8Array(512).fill(7), pubKeyId: new Uint8Array(32) }
    },
  })
  const underWay = client.initQuote()
  await asked.promise
  await rm(path)
  await answered(client)
  gate.resolve()
  equal((await underWay).targetInfo[0], 7)
  while (events.length === 0) await delay(5)
  deepEqual(events, ['bound again'])
})

test('a file in the way is left alone and told of once; when it is gone, the socket is there again', async t => {
  const { path, events, client } = await kept(t)
  await rm(path)
  await writeFile(path, '')
  while (!events.includes('not bound')) await delay(5)
  await delay(50)
  await rejects(client.quoteSize())
  await rm(path)
  await answered(client)
  while (events.length < 2) await delay(5)
  deepEqual(events, ['not bound', 'bound again'])
})

test('another live server that took the path keeps it, until it ends', async t => {
  const { path, events, client } = await kept(t)
  const other = await takeOver(path)
  while (!events.includes('not bound')) await delay(5)
  equal(await client.quoteSize(), 1)
  await other.close()
  await answered(client)
  equal(await client.quoteSize(), 4600)
})
