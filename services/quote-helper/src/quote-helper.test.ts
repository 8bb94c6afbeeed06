import { equal, rejects, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { jsonLog } from '@alcove/process'
import { parseQuote, parseTargetInfo } from '@alcove/sgx'
import {
  createPlatform,
  type Platform,
  serveSimulatedPlatform,
  writeSimulatedRoot,
} from '@alcove/simulator'
import { simulatedMrSigner } from '@alcove/simulator/client'
import { runQuoteHelper } from './index.ts'
import { readSettings } from './settings.ts'

test('without a simulated platform the helper says what it cannot do yet', () => {
  const only = 'this version makes quotes on a simulated platform only'
  throws(() => readSettings({ QUOTE_HELPER_SOCKT: '/x' }), {
    code: 'ERR_CONFIG',
    problems: [
      `QUOTE_HELPER_PLATFORM: required, simulated: ${only}`,
      'QUOTE_HELPER_SOCKT: unknown setting',
    ],
  })
  throws(() => readSettings({ QUOTE_HELPER_PLATFORM: 'hardware' }), {
    problems: [`QUOTE_HELPER_PLATFORM: want simulated, got 'hardware': ${only}`],
  })
  throws(
    () => readSettings({ QUOTE_HELPER_PLATFORM: 'simulated', QUOTE_HELPER_SIMULATED_ROOT: '/x' }),
    {
      problems: [
        'QUOTE_HELPER_SIMULATED_ROOT: leave it out on a cluster, or leave QUOTE_HELPER_PLATFORM out',
      ],
    },
  )
})

/** Runs the helper's process in this one, with a simulated platform behind it, until `story` ends. */
async function withHelper(
  story: (parts: { aesm: AesmClient; platform: Platform; lines: string[] }) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-'))
  const root = join(directory, 'node')
  await writeSimulatedRoot(root, {
    size: 'DC2s_v2',
    os: 'in-kernel',
    enclaveToken: 'e',
    provisionToken: 'p',
  })
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
  const platform = createPlatform({
    seed: random(32),
    now: () => new Date(),
    random,
    epcBytes: 2 ** 20,
  })
  const stop = new AbortController()
  const lines: string[] = []
  const socket = join(directory, 'aesmd/aesm.socket')
  await mkdir(join(root, 'run/alcove-simulator'), { recursive: true })
  const path = join(root, 'run/alcove-simulator/platform.socket')
  try {
    await using _server = await serveSimulatedPlatform({
      path,
      platform,
      tokens: { enclave: 'e', provision: 'p' },
    })
    const running = runQuoteHelper({
      environment: { QUOTE_HELPER_SOCKET: socket, QUOTE_HELPER_SIMULATED_ROOT: root },
      log: jsonLog('quote-helper', { write: line => void lines.push(line) }),
      stop: stop.signal,
    })
    const aesm = new AesmClient({ path: socket })
    while (!lines.some(line => line.includes('"serving"')))
      await new Promise(resolve => setTimeout(resolve, 5))
    try {
      await story({ aesm, platform, lines })
    } finally {
      stop.abort()
      await running
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** A REPORT of an enclave with one page, for `targetInfo`. */
function reportFor(platform: Platform, targetInfo: Uint8Array): Uint8Array {
  const enclave = platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  enclave.addMeasured(0, 0x203n, new Uint8Array(4096))
  enclave.init({ mrSigner: simulatedMrSigner('test'), isvProdId: 1, isvSvn: 1 })
  return enclave.report(parseTargetInfo(targetInfo), new Uint8Array(64).fill(7))
}

test('a REPORT becomes a quote over AESM', async () => {
  await withHelper(async ({ aesm, platform }) => {
    const quote = await aesm.quoteWith(async targetInfo => reportFor(platform, targetInfo))
    const { body } = parseQuote(quote)
    equal(body.reportData[0], 7)
  })
})

test('a REPORT that was altered is answered 47, INVALID_REPORT', async () => {
  await withHelper(async ({ aesm, platform }) => {
    const { targetInfo } = await aesm.initQuote()
    const report = Uint8Array.from(reportFor(platform, targetInfo))
    report[320] = 8
    await rejects(aesm.getQuote(report), { code: 'ERR_AESM_ANSWER', errorCode: 47 })
  })
})

test('what the helper logs has neither quotes nor reports', async () => {
  await withHelper(async ({ aesm, platform, lines }) => {
    const quote = await aesm.quoteWith(async targetInfo => reportFor(platform, targetInfo))
    const logged = lines.join('')
    equal(logged.includes(quote.subarray(48, 80).toHex()), false)
    equal(logged.includes(quote.subarray(48, 80).toBase64().slice(0, 20)), false)
    equal(
      lines.every(line => line.length < 500),
      true,
    )
  })
})
