import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { AttributeFlag } from '@alcove/sgx'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { programFolder, simulatedMachine } from '../testing/simulated-machine.ts'
import { verifyReport } from './local-attestation.ts'

const said = new TextEncoder().encode('hello')

test('an enclave believes the REPORT that another on its machine made for it', async t => {
  const machine = await simulatedMachine(t)
  const [alice, bob] = await Promise.all(
    [{ isvSvn: 3, debug: true }, { signer: 'other' }].map(async program =>
      machine.open(await programFolder(t, program)),
    ),
  )
  if (alice === undefined || bob === undefined) throw new TypeError('two programs, two enclaves')
  const { reportData, attributes, ...peer } = await bob.verifyReport(
    await alice.report(bob.targetInfo, said),
  )
  deepEqual(reportData, concatBytes(said, new Uint8Array(64 - said.byteLength)))
  deepEqual({ ...peer, attributes }, alice.identity)
  equal(peer.isvSvn, 3)
  equal(attributes.flags & AttributeFlag.debug, AttributeFlag.debug)
})

test('a REPORT for a third enclave, from another machine, or with one bit flipped is not believed', async t => {
  const folders = await Promise.all(['', '//'].map(source => programFolder(t, { source })))
  const open = async (seed: number) => {
    const machine = await simulatedMachine(t, { seed: new Uint8Array(32).fill(seed) })
    return Promise.all(folders.map(folder => machine.open(folder)))
  }
  const [[alice, bob], [mallory]] = [await open(1), await open(2)]
  if (!alice || !bob || !mallory) throw new TypeError('two programs, two enclaves')
  const notBelieved = { code: 'ERR_ENCLAVE_REPORT_MAC' }
  await rejects(bob.verifyReport(await alice.report(alice.targetInfo, said)), notBelieved)
  await rejects(bob.verifyReport(await mallory.report(bob.targetInfo, said)), notBelieved)
  const report = await alice.report(bob.targetInfo, said)
  for (let byte = 0; byte < report.byteLength; byte++) {
    const flipped = report.slice()
    flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (byte % 8))
    await rejects(bob.verifyReport(flipped), notBelieved, `byte ${byte}`)
  }
  await rejects(bob.verifyReport(report.subarray(1)), { code: 'ERR_FORMAT_TRUNCATED' })
})

test('report data is zero-padded, and more than 64 bytes of it are refused', async t => {
  const enclave = await (await simulatedMachine(t)).open(await programFolder(t))
  const tooLong = new Uint8Array(65)
  await rejects(enclave.report(enclave.targetInfo, tooLong), RangeError)
  await rejects(enclave.quote(tooLong), RangeError)
  await rejects(enclave.report(new Uint8Array(511), said), { code: 'ERR_FORMAT_TRUNCATED' })
})

await withSharedVectors('REPORTs of the SGX SDK are checked with its report key', 4, vectors => {
  test('the SDK’s REPORT is believed under the key that it names, and its damaged ones are not', async () => {
    const sample = (await vectors.json('ereport/ereport_sim_1.json')) as Record<string, string>
    const keyId = sample['keyid'] ?? ''
    const platform = {
      getKey: async (request: { keyName: number; keyId: Uint8Array }) => {
        equal(request.keyName, 3)
        equal(request.keyId.toHex(), keyId)
        return Uint8Array.fromHex(sample['report_key'] ?? '')
      },
    }
    const report = Uint8Array.fromHex(sample['report'] ?? '')
    const { reportData } = await verifyReport(platform, report)
    equal(new TextDecoder().decode(reportData.subarray(0, 13)), 'Hello, world!')
    for (const name of ['report_bad_mac', 'report_bad_mrenclave']) {
      const bytes = await vectors.bytes(`ereport/${name}.bin`)
      await rejects(verifyReport(platform, bytes), { code: 'ERR_ENCLAVE_REPORT_MAC' }, name)
    }
    const changed = report.slice()
    changed[0x14] = 1 // reserved, and part of what is authenticated
    await rejects(verifyReport(platform, changed), { code: 'ERR_ENCLAVE_REPORT_MAC' })
  })
})
