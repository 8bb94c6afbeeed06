import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { equalBytes } from '@alcove/bytes'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { cmac } from '../testing/cmac.ts'
import { backendOfFrames } from '../testing/frames-backend.ts'
import { exchange, socketDirectory } from '../testing/peer.ts'
import { AesmError, FrameReader, type QuotingBackend, serveAesm } from './index.ts'

interface Exchange {
  readonly op: string
  readonly req: string
  readonly res: string | null
}

test('the CMAC of the test back end is RFC 4493’s', () => {
  const key = Uint8Array.fromHex('2b7e151628aed2a6abf7158809cf4f3c')
  equal(cmac(key, new Uint8Array()).toHex(), 'bb1d6929e95937287fa37d129b756746')
  const block = Uint8Array.fromHex('6bc1bee22e409f96e93d7e117393172a')
  equal(cmac(key, block).toHex(), '070a16b46b4d4144f79bdd9dd04a287c')
})

await withSharedVectors('the exchanges of clients in the field', 32, async vectors => {
  const { exchanges } = (await vectors.json('aesm/frames.json')) as { exchanges: Exchange[] }

  test('every exchange is answered byte for byte, whole and split at every byte', async t => {
    await using directory = await socketDirectory()
    const backend = await backendOfFrames(vectors)
    const keyLost: QuotingBackend = {
      ...backend,
      quote: async () => {
        throw new AesmError(42)
      },
    }
    await using server = await serveAesm({ path: directory.path('s'), backend })
    await using forgetful = await serveAesm({ path: directory.path('f'), backend: keyLost })
    // Only counted: that the server reads the two parts of a split one by one.
    const { mock } = t.mock.method(FrameReader.prototype, 'push')
    const reads = () => mock.callCount()
    let splits = 0
    for (const { op, req, res } of exchanges) {
      const request = await vectors.bytes(`aesm/${req}`)
      const expected = res === null ? new Uint8Array() : await vectors.bytes(`aesm/${res}`)
      const { path } = op === 'get_quote_ex_key_not_initialized' ? forgetful : server
      // The rest never comes: the peer ends its half, so that it need not wait for the deadline.
      const options = { halfClose: op === 'truncated' }
      deepEqual(await exchange(path, [request], options), expected, op)
      for (let at = 1; at < request.byteLength; at++) {
        const before = reads()
        const parts = [request.subarray(0, at), request.subarray(at)]
        const answer = await exchange(path, parts, { ...options, reads })
        if (!equalBytes(answer, expected)) throw new Error(`${op} split at ${at}`)
        equal(reads() - before, 2)
        splits += 1
      }
    }
    t.diagnostic(`${exchanges.length} frames whole, ${splits} splits`)
  })
})
