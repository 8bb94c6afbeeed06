import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { parseQuote } from '@alcove/sgx'
import { connectPlatform, loadEnclave } from '@alcove/simulator/client'
import { programFolder, simulatedMachine } from '../testing/simulated-machine.ts'
import { openEnclaveElsewhere } from './index.ts'

/** An enclave on a simulated machine that somebody else entered, and the quote helper's client there. */
async function elsewhere(t: TestContext) {
  const machine = await simulatedMachine(t)
  const token = await readFile(join(machine.root, 'dev/sgx_enclave'), 'utf8')
  const client = await connectPlatform(machine.platformSocket, token)
  t.after(() => client.close())
  const loaded = await loadEnclave(client, await programFolder(t))
  const aesm = new AesmClient({ path: machine.aesmSocket })
  return { machine, loaded, aesm }
}

test('a REPORT that was made elsewhere becomes a quote of that enclave, with the caller’s data', async t => {
  const { loaded, aesm } = await elsewhere(t)
  const makeReport = (target: Uint8Array, data: Uint8Array) => loaded.report(target, data)
  const enclave = await openEnclaveElsewhere({ makeReport }, { aesm })
  equal(enclave.platform, 'aesm')
  deepEqual(enclave.mrEnclave, loaded.mrEnclave)
  deepEqual(enclave.targetInfo, loaded.targetInfo)
  const { tee, body } = parseQuote(await enclave.quote(Uint8Array.of(7)))
  ok(tee === 'SGX')
  deepEqual(body.mrEnclave, loaded.mrEnclave)
  equal(body.reportData[0], 7)
})

test('without its keys nothing is sealed and no REPORT believed, with them both are', async t => {
  const { machine, loaded, aesm } = await elsewhere(t)
  const makeReport = (target: Uint8Array, data: Uint8Array) => loaded.report(target, data)
  const unsupported = { code: 'ERR_ENCLAVE_UNSUPPORTED', message: /give getKey too/ }
  const without = await openEnclaveElsewhere({ makeReport }, { aesm })
  const secret = Uint8Array.of(1, 2, 3)
  await rejects(without.seal(secret, { policy: 'mrenclave' }), unsupported)
  const peer = await machine.open(await programFolder(t, { source: '// peer' }))
  const report = await peer.report(without.targetInfo, secret)
  await rejects(without.verifyReport(report), unsupported)

  const getKey = (request: Uint8Array) => loaded.getKey(request)
  const whole = await openEnclaveElsewhere({ makeReport, getKey }, { aesm })
  deepEqual((await whole.verifyReport(report)).mrEnclave, peer.mrEnclave)
  const blob = await whole.seal(secret, { policy: 'mrenclave' })
  deepEqual((await whole.unseal(blob)).plaintext, secret)
})
