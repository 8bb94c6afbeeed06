import { deepEqual, equal, notDeepEqual, ok, rejects } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parseQuote, parseReport } from '@alcove/sgx'
import { type GramineOptions, gramineFiles } from '../testing/gramine-files.ts'
import { temporaryDirectory } from '../testing/simulated-machine.ts'
import { type AttestationFiles, attestationFiles, type Enclave, openEnclave } from './index.ts'

const keys = {
  _sgx_mrenclave: new Uint8Array(16).fill(0xe0),
  _sgx_mrsigner: new Uint8Array(16).fill(0x51),
}
const secret = new TextEncoder().encode('the secret')

async function underGramine(options: GramineOptions = {}): Promise<Enclave> {
  return on(await gramineFiles({ keys, ...options }))
}

function on(attestation: AttestationFiles): Promise<Enclave> {
  return openEnclave({ directory: '/nowhere', root: '/nowhere', attestation })
}

test('under Gramine the program is the enclave that its REPORT says', async () => {
  const enclave = await underGramine()
  equal(enclave.platform, 'gramine')
  const { tee, body } = parseQuote(await enclave.quote(new Uint8Array()))
  ok(tee === 'SGX')
  deepEqual(enclave.mrEnclave, body.mrEnclave)
  deepEqual(enclave.mrSigner, body.mrSigner)
})

test('report data and TARGETINFO are written before what is made of them is read, one operation at a time', async () => {
  const uses: string[] = []
  const onUse = async (use: string) => {
    uses.push(use)
    await delay(1)
  }
  const enclave = await underGramine({ onUse })
  uses.length = 0
  const dataOf = (value: number) => new Uint8Array(64).fill(value)
  const targetOf = (value: number) => new Uint8Array(512).fill(value)
  const [first, quote, second] = await Promise.all([
    enclave.report(targetOf(1), dataOf(11)),
    enclave.quote(dataOf(12)),
    enclave.report(targetOf(2), dataOf(13)),
  ])
  deepEqual(uses, [
    ...['write target_info', 'write user_report_data', 'read report'],
    ...['write user_report_data', 'read quote'],
    ...['write target_info', 'write user_report_data', 'read report'],
  ])
  const reports = [parseReport(first), parseReport(second)]
  deepEqual(
    reports.map(({ body, mac }) => [body.reportData[0], mac[0]]),
    [
      [11, 1],
      [13, 2],
    ],
  )
  deepEqual(parseQuote(quote).body.reportData, dataOf(12))
})

test('a failed operation does not stop the next one, and names the file and what to see to', async () => {
  let broken = true
  const enclave = await underGramine({
    onUse: use => {
      if (broken && use === 'read quote') throw new Error('EACCES: permission denied')
    },
  })
  await rejects(enclave.quote(new Uint8Array()), {
    code: 'ERR_ENCLAVE_ATTESTATION_FILE',
    message: /\/dev\/attestation\/quote: EACCES.*quote helper/,
  })
  broken = false
  equal(parseQuote(await enclave.quote(Uint8Array.of(5))).body.reportData[0], 5)
})

for (const policy of ['mrenclave', 'mrsigner'] as const) {
  test(`under Gramine policy ${policy} seals under a key of the blob’s own, derived from Gramine’s of that policy`, async () => {
    const enclave = await underGramine()
    const blobs = await Promise.all([1, 2].map(() => enclave.seal(secret, { policy })))
    notDeepEqual(blobs[0]?.subarray(0x88), blobs[1]?.subarray(0x88))
    for (const blob of blobs) deepEqual((await enclave.unseal(blob)).plaintext, secret)
    const other = await underGramine({ keys: { ...keys, [`_sgx_${policy}`]: new Uint8Array(16) } })
    await rejects(other.unseal(blobs[0] ?? secret), { code: 'ERR_ENCLAVE_UNSEAL' })
  })
}

test('Gramine’s keys are those of its own SVNs: a blob of others is refused, saying which', async () => {
  const at = (isvSvn: number) => underGramine({ body: { isvSvn } })
  const [old, current] = await Promise.all([at(1), at(2)])
  await rejects(old.unseal(await current.seal(secret, { policy: 'mrsigner' })), {
    code: 'ERR_ENCLAVE_SEALED_BY_NEWER',
  })
  await rejects(current.unseal(await old.seal(secret, { policy: 'mrsigner' })), {
    code: 'ERR_ENCLAVE_KEY_REFUSED',
    message: /asked for ISVSVN 1.*it has 2/,
  })
  const microcode = await underGramine({ body: { isvSvn: 1, cpuSvn: new Uint8Array(16).fill(9) } })
  await rejects(microcode.unseal(await old.seal(secret, { policy: 'mrsigner' })), {
    code: 'ERR_ENCLAVE_KEY_REFUSED',
  })
})

test('what Gramine does not give is refused with what would', async () => {
  const enclave = await underGramine({ attestationType: 'none' })
  await rejects(enclave.quote(secret), {
    code: 'ERR_ENCLAVE_UNSUPPORTED',
    message: /attestation type is 'none'; set sgx\.remote_attestation = "dcap"/,
  })
  const report = await enclave.report(enclave.targetInfo, secret)
  await rejects(enclave.verifyReport(report), { code: 'ERR_ENCLAVE_UNSUPPORTED' })
  deepEqual(
    (await enclave.unseal(await enclave.seal(secret, { policy: 'mrsigner' }))).plaintext,
    secret,
  )
  const fileError = { code: 'ERR_ENCLAVE_ATTESTATION_FILE' }
  const empty = await underGramine({ keys: { _sgx_mrsigner: new Uint8Array() } })
  await rejects(empty.seal(secret, { policy: 'mrsigner' }), fileError)
  await rejects(empty.seal(secret, { policy: 'mrenclave' }), fileError)
})

test('below a root the files are read and written where Gramine has them', async t => {
  const root = await temporaryDirectory(t)
  const gramine = await gramineFiles({ keys })
  const directory = join(root, 'dev/attestation')
  await mkdir(join(directory, 'keys'), { recursive: true })
  for (const name of ['attestation_type', 'report', 'quote', 'keys/_sgx_mrsigner']) {
    await writeFile(join(directory, name), (await gramine.read(name)) ?? '')
  }
  const enclave = await openEnclave({ directory: '/nowhere', root })
  equal(enclave.platform, 'gramine')
  await enclave.quote(Uint8Array.of(1, 2))
  const files = attestationFiles(directory)
  deepEqual((await files.read('user_report_data'))?.subarray(0, 3), Uint8Array.of(1, 2, 0))
  equal(await files.read('no_such_file'), undefined)
  const blob = await enclave.seal(secret, { policy: 'mrsigner' })
  deepEqual((await enclave.unseal(blob)).plaintext, secret)
})
