import { deepEqual, equal, ok } from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { badPeers, beBad } from '../testing/bad-peers.ts'
import { families } from '../testing/families.ts'
import { FamilyClient } from '../testing/family.ts'
import { socketDirectory } from '../testing/peer.ts'
import { standInQuote } from '../testing/stand-in-backend.ts'
import type { ServerFigures } from '../testing/stand-in-server.ts'

const program = join(import.meta.dirname, '../testing/stand-in-server.ts')
const report = new Uint8Array(432)

/** How long a peer may be kept, far above the server's own deadlines: the machine may be busy. */
const PATIENCE_MS = 20_000
const MIB = 2 ** 20

/** A server in a process of its own. */
async function serverProcess() {
  const directory = await socketDirectory()
  const path = directory.path('aesm.socket')
  const child: ChildProcess = fork(program, [path], { execArgv: ['--expose-gc'] })
  await once(child, 'message')
  const figures = async (): Promise<ServerFigures> => {
    child.send('figures')
    const [told] = (await once(child, 'message')) as [ServerFigures]
    return told
  }
  return {
    path,
    figures,
    /** When every connection has ended. */
    quiet: async () => {
      for (;;) {
        const told = await figures()
        if (told.connections === 0) return told
        await setTimeout(20)
      }
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await directory[Symbol.asyncDispose]()
    },
  }
}

/** Every kind of bad peer so many times at once, and as many sequences of good clients as end meanwhile, at least one each. */
async function mixed(path: string, times: number): Promise<{ bad: number; quotes: number }> {
  const names = Array.from({ length: times }, () => Object.keys(badPeers)).flat()
  let over = false
  const bad = Promise.all(names.map(name => beBad(name, path, PATIENCE_MS))).finally(() => {
    over = true
  })
  const good = families.map(async family => {
    let quotes = 0
    do {
      const client = new FamilyClient(family, { path, abstract: `alcove-test${path}` })
      deepEqual(await client.quote(() => report), standInQuote(4000), family.name)
      quotes += 1
    } while (!over)
    return quotes
  })
  const quotes = await Promise.all(good)
  await bad
  return { bad: names.length, quotes: quotes.reduce((sum, count) => sum + count, 0) }
}

test('among bad peers of every kind, more than there are places, every good client has its quotes', async t => {
  await using server = await serverProcess()
  const rounds = [await mixed(server.path, 16)]
  const before = await server.quiet()
  rounds.push(await mixed(server.path, 16), await mixed(server.path, 16))
  const after = await server.quiet()
  const grown = after.usedBytes - before.usedBytes
  ok(grown < 4 * MIB, `${grown} bytes more in use after twice as many peers again`)
  ok(after.maxResidentBytes < 256 * MIB, `${after.maxResidentBytes} bytes resident`)
  const reasons = Object.keys(after.unanswered)
  for (const reason of ['too-long', 'malformed', 'unknown-request', 'incomplete'])
    ok(reasons.includes(reason), `${reason} in ${reasons.join(', ')}`)
  equal(after.connections, 0)
  const sum = (of: 'bad' | 'quotes'): number => rounds.reduce((total, one) => total + one[of], 0)
  t.diagnostic(
    `${sum('bad')} bad peers of ${Object.keys(badPeers).length} kinds, ${sum('quotes')} quotes for ${families.length} families meanwhile; ${(after.maxResidentBytes / MIB).toFixed(0)} MiB resident at most, ${(grown / 1024).toFixed(0)} KiB more in use after the last two of three rounds`,
  )
})
